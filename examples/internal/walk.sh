# What the walk-throughs share. It is read by them, not run.
#
#   URL     where the server is
#   W       the watchword command
#   DB      the server's database, as --db wants it
#
# They run in the directory of the database, where signing.key is too.

set -euo pipefail
: "${URL:?the address of the server}" "${W:=watchword}" "${DB:?the database of the server}"

tmp=$(mktemp -d)
servers=()
finish() {
	for pid in "${servers[@]}"; do kill "$pid" 2>/dev/null || true; done
	rm -rf "$tmp"
}
trap finish EXIT

step() { echo "== $*"; }
fail() {
	echo "walk-through: $*" >&2
	exit 1
}

# call is curl; what came back is looked at by the functions below.
call() {
	status=$(curl -sS -D "$tmp/header" -o "$tmp/body" -w '%{http_code}' "$@")
	body=$(cat "$tmp/body")
}

# like PATTERN TEXT: * in the pattern stands for anything, all else for itself.
like() {
	local pattern
	pattern=$(printf %s "$1" | sed 's/[][?\\]/\\&/g')
	# shellcheck disable=SC2053 # the pattern is meant as one
	[[ $2 == $pattern ]]
}

# want STATUS BODY: what the last call must have answered.
want() {
	[[ $status == "$1" ]] || fail "status $status, want $1; body: $body"
	like "$2" "$body" || fail "body: $body; want: $2"
}

# header NAME VALUE: a header that the last answer must have had.
header() {
	local value
	value=$(tr -d '\r' <"$tmp/header" | sed -n "s/^$1: //Ip")
	like "$2" "$value" || fail "header $1 is \"$value\", want: $2"
}

# refused CODE PATTERN COMMAND…: it must end with that code and say so.
refused() {
	local code=0 out
	out=$("${@:3}" 2>&1) || code=$?
	[[ $code == "$1" ]] || fail "${*:3}: exit code $code, want $1: $out"
	like "$2" "$out" || fail "${*:3}: $out; want: $2"
}

# member NAME TEXT: the value of a member of a flat JSON object.
member() { printf %s "$2" | sed -n "s/.*\"$1\":\"\{0,1\}\([^\",}]*\).*/\1/p"; }

# part N TOKEN: the header (1) or payload (2) of a token.
part() {
	local text
	text=$(printf %s "$2" | cut -d. -f"$1" | tr -- '-_' '+/')
	while ((${#text} % 4)); do text+==; done
	printf %s "$text" | openssl base64 -d -A
}

base64url() { openssl base64 -A | tr -- '+/' '-_' | tr -d =; }

# forge HEADER PAYLOAD: a token signed with signing.key by HS256.
forge() {
	local text
	text=$(printf %s "$1" | base64url).$(printf %s "$2" | base64url)
	printf '%s.%s' "$text" "$(printf %s "$text" | openssl dgst -sha256 -hmac "$(cat signing.key)" -binary | base64url)"
}

# tamper TOKEN: the same with another signature.
tamper() {
	local last=${1##*.}
	local first=A
	[[ $last == A* ]] && first=B
	printf '%s.%s%s' "${1%.*}" "$first" "${last:1}"
}

# add LOGIN PASSWORD DB FLAGS…: a user.
add() { printf %s "$2" | "$W" user add "$1" --password-stdin --allow-weak --db "$3" "${@:4}" >/dev/null; }

# serve CONFIG FLAGS…: starts another server, with its address in $other.
serve() {
	local log="$1.log"
	: >"$log" # of an earlier one
	"$W" serve --config "$1" --addr 127.0.0.1:0 "${@:2}" 2>"$log" &
	servers+=($!)
	until other=$(sed -n 's/^listening on //p' "$log") && [[ $other ]]; do
		kill -0 $! 2>/dev/null || fail "serve --config $1: $(cat "$log")"
		sleep 0.05
	done
}

# within SECONDS COMMAND…: the command must succeed before they are over.
within() {
	local end=$((SECONDS + $1))
	until "${@:2}"; do
		((SECONDS < end)) || fail "not within $1 s: ${*:2}; status $status, body $body"
		sleep 0.1
	done
}
