#!/usr/bin/env bash
# The djwto document with curl, against the example or against `watchword
# serve` with the dialect djwto, in whichever mode the server is:
#
#   URL=https://localhost:8001 W=watchword DB=sqlite:dj.db examples/djwto/walkthrough.sh
#
# Run it once for each mode: a step of another mode is passed over. It runs in
# the directory of the database and of signing.key, and gives alice a
# permission for a moment.
#
# Left out: 26, which is Go: the example prints the signals, and main_test.go
# looks at them; 30, which needs a browser (the page is at / of the example).
source "$(dirname "${BASH_SOURCE[0]}")/../internal/walk.sh"

# sess is curl as a requests.Session with verify=False: it keeps cookies.
# Deleted ones are taken out here: curl 7.88, which reads the jar once more
# before it writes it, brings some of them back.
sess() {
	call -k -b "$tmp/jar" -c "$tmp/jar" "$@"
	local name
	for name in $(sed -n 's/^set-cookie: \([^=]*\)=.*; Max-Age=0;.*/\1/Ip' "$tmp/header"); do
		sed -i "/\t$name\t/d" "$tmp/jar"
	done
}
session() { : >"$tmp/jar"; }

# login [SERVER]: a session of alice's.
login() {
	session
	sess "${1:-$URL}/login/" -d username=alice -d password=pass
	[[ $status == 200 ]] || fail "login: $status $body"
	refresh=$(value refresh "$body")
	access=$(value access "$body")
	csrf=$(cookie csrftoken)
}

# value NAME TEXT: a member of an object as json.dumps writes it.
value() { member "$1" "$(printf %s "$2" | sed 's/": /":/g')"; }
cookie() { awk -F'\t' -v name="$1" 'NF == 7 && $6 == name { print $7 }' "$tmp/jar"; }
jar() { awk -F'\t' 'NF == 7 { print $6 }' "$tmp/jar" | sort | xargs; }

# set_cookie NAME: its line in the last answer.
set_cookie() { tr -d '\r' <"$tmp/header" | grep -i "^set-cookie: $1="; }
payload() { cookie jwt_access_payload | openssl base64 -d -A; }

# bearer TOKEN PATH: a POST with it.
bearer() { sess -X POST -H "AUTHORIZATION: Bearer $1" -H 'REFERER: https://localhost:8001' "$URL$2"; }

# posted PATH: a POST as of a page of this server, with jwt_type=refresh.
posted() { sess -H "X-CSRFToken: $csrf" -H "REFERER: $URL" -d jwt_type=refresh "$URL$1"; }

login
case $(jar) in
'') mode=JSON ;;
'csrftoken jwt_access jwt_refresh') mode=ONE-COOKIE ;;
'csrftoken jwt_access_payload jwt_access_token jwt_refresh') mode=TWO-COOKIES ;;
*) fail "login sets the cookies $(jar)" ;;
esac
echo "mode $mode"
json() { [[ $mode == JSON ]]; }
cookies() { ! json; }
two() { [[ $mode == TWO-COOKIES ]]; }
access_cookie=jwt_access
if two; then access_cookie=jwt_access_token; fi

valid='{"msg": "Token is valid"}'
if json; then
	step 1 'sign in'
	login
	want 200 '{"refresh": "*", "access": "*"}'

	step 2 'validate the access token'
	bearer "$access" /validate_access/
	want 200 "$valid"

	step 3 'a new access token'
	bearer "$refresh" /api/token/refresh/refresh_access/
	want 200 '{"refresh": "*", "access": "*"}'
	[[ $(part 2 "$(value refresh "$body")") == "$(part 2 "$refresh")" ]] || fail 'the refresh token says something else'
	next=$(part 2 "$(value access "$body")")
	[[ $(value exp "$next") -ge $(value exp "$(part 2 "$access")") ]] || fail "claims $next"
	access=$(value access "$body")

	step 4 'a new refresh token'
	sleep 1.1 # exp is in whole seconds
	bearer "$refresh" /api/token/refresh/update_refresh/
	want 200 '{"refresh": "*", "access": "*"}'
	next=$(part 2 "$(value refresh "$body")")
	[[ $(value jti "$next") == "$(value jti "$(part 2 "$refresh")")" ]] || fail "another jti: $next"
	[[ $(value exp "$next") -gt $(value exp "$(part 2 "$refresh")") ]] || fail "the same exp: $next"
	refresh=$(value refresh "$body")

	step 5 'sign out'
	bearer "$refresh" /api/token/refresh/logout/
	want 200 '{"msg": "Token successfully blacklisted."}'

	step 6 'and again'
	bearer "$refresh" /api/token/refresh/logout/
	want 409 '{"error": "Input jti token is already blacklisted."}'
	bearer "$refresh" /api/token/refresh/update_refresh/
	want 500 '{"error": "Can'"'"'t update refresh token."}'
	bearer "$refresh" /api/token/refresh/refresh_access/
	want 500 '{"error": "Can'"'"'t update access token."}'
fi

if cookies && ! two; then
	step 7 'sign in'
	login
	want 200 '{"msg": "Tokens successfully created."}'
	[[ $(jar) == 'csrftoken jwt_access jwt_refresh' ]] || fail "cookies $(jar)"
fi

if two; then
	step 8 'sign in'
	login
	want 200 '{"msg": "Tokens successfully created."}'
	[[ $(jar) == 'csrftoken jwt_access_payload jwt_access_token jwt_refresh' ]] || fail "cookies $(jar)"
	for name in jwt_access_token jwt_refresh jwt_access_payload; do
		like '*; Secure' "$(set_cookie $name)" || fail "not Secure: $(set_cookie $name)"
	done
	for name in jwt_access_token jwt_refresh; do
		like '*; HttpOnly;*' "$(set_cookie $name)" || fail "a script reads $(set_cookie $name)"
	done
	for name in jwt_access_payload csrftoken; do
		! like '*; HttpOnly;*' "$(set_cookie $name)" || fail "no script reads $(set_cookie $name)"
	done

	step 9 'the payload'
	like '{"aud": "aud", "exp": *, "iat": *, "iss": "iss", "jti": "*", "refresh_iat": *, "sub": "sub", "type": "access", "user": {"id": 1, "perms": [], "username": "alice"}}' \
		"$(payload)" || fail "payload $(payload)"
	claims=$(part 2 "$(cookie jwt_access_token)")
	for name in exp iat jti refresh_iat; do
		[[ $(value $name "$(payload)") == "$(value $name "$claims")" ]] || fail "$name: $(payload), but the token has $claims"
	done

	step 10 'validate the access token'
	sess -X POST -H "X-CSRFToken: $csrf" -H "REFERER: $URL" "$URL/validate_access/"
	want 200 "$valid"

	step 11 'what is no page of this server'
	sess -X POST -H "REFERER: $URL" "$URL/validate_access/"
	want 403 '*'
	header content-type 'text/html*'
	sess -X POST -H "X-CSRFToken: $csrf" "$URL/validate_access/"
	want 403 '*'
	header content-type 'text/html*'
	sess -X POST -H "X-CSRFToken: $csrf" -H 'REFERER: https://evil.test' "$URL/validate_access/"
	want 403 '*'
	header content-type 'text/html*'
fi

if cookies; then
	step 12 'validate the refresh token'
	posted /api/token/refresh/validate_refresh/
	want 200 "$valid"

	step 13 'new tokens'
	posted /api/token/refresh/refresh_access/
	want 200 '{"msg": "Access token successfully refreshed."}'
	set_cookie jwt_refresh >/dev/null || fail 'no cookies'
	posted /api/token/refresh/update_refresh/
	want 200 '{"msg": "Refresh token successfully updated."}'
	set_cookie jwt_refresh >/dev/null || fail 'no cookies'

	step 14 'sign out'
	posted /api/token/refresh/logout/
	want 200 '{"msg": "Token successfully blacklisted."}'

	step 15 'and go on'
	posted /api/token/refresh/update_refresh/
	want 500 '{"error": "Can'"'"'t update refresh token."}'
	posted /api/token/refresh/refresh_access/
	want 500 '{"error": "Can'"'"'t update access token."}'

	step 16 'delete the cookies'
	sess -X DELETE -H "X-CSRFToken: $csrf" -H "REFERER: $URL" -d jwt_type=refresh "$URL/api/token/refresh/logout/"
	want 200 '{"msg": "Tokens successfully deleted."}'
	[[ $(jar) == csrftoken ]] || fail "cookies $(jar)"

	step 17 'and go on'
	posted /api/token/refresh/update_refresh/
	want 403 '{"error": "Cookie \"jwt_refresh\" cannot be empty."}'
fi

if json; then
	step 18 'DELETE'
	login
	sess -X DELETE -H "AUTHORIZATION: Bearer $refresh" "$URL/api/token/refresh/logout/"
	want 204 ''
fi

if two; then
	step 19 'a protected view, without signing in'
	session
	sess "$URL/testapp/protect/"
	want 403 '{"error": "Cookie \"jwt_access_token\" cannot be empty."}'

	step 20 'a protected view'
	login
	sess "$URL/testapp/protect/"
	want 200 'worked!'

	step 21 'a view that needs a permission'
	sess "$URL/testapp/perms_protect/"
	want 403 '{"error": "Invalid permissions for jwt token."}'

	step 22 'with the permission'
	"$W" user set alice --permission perm1 --db "$DB" >/dev/null
	login
	sess "$URL/testapp/perms_protect/"
	want 200 'perms also worked!'
	like '*"perms": ["perm1"]*' "$(payload)" || fail "payload $(payload)"
	"$W" user set alice --permission '' --db "$DB" >/dev/null
fi

# with SETTINGS [OPTIONS]: a server of its own with these settings of the
# dialect, and these options beside them.
with() {
	cat >"$tmp/own.toml" <<-TOML
		db = "sqlite:$tmp/own.db"
		[[dialect]]
		name = "djwto"
		${2:-}
		[dialect.settings]
		$1
	TOML
	[[ -e $tmp/own.db ]] || add alice pass "sqlite:$tmp/own.db" --email alice@djwto.com
	serve "$tmp/own.toml" --tls-self-signed
}
unset DJWTO_SIGNING_KEY
secret="DJWTO_SIGNING_KEY_FILE = \"$PWD/signing.key\""

if json; then
	step 4 'update_refresh can be switched off'
	with "$secret"$'\nDJWTO_ALLOW_REFRESH_UPDATE = false'
	login "$other"
	call -k -X POST -H "AUTHORIZATION: Bearer $refresh" "$other/api/token/refresh/update_refresh/"
	[[ $status == 404 ]] || fail "update_refresh answers $status"
fi

if two; then
	step 23 'more of the user'
	with "$secret"$'\nDJWTO_MODE = "TWO-COOKIES"' 'user_fields = ["email"]'
	login "$other"
	like '*"user": {"email": "alice@djwto.com", "id": 1, "perms": [], "username": "alice"}}' "$(payload)" || fail "payload $(payload)"
fi

step 24 'a wrong password'
session
sess "$URL/login/" -d username=alice -d password=wrong
want 401 '{"error": "{\"__all__\": *}"}'
header www-authenticate 'Bearer realm=api'

step 25 'the heading is no route'
sess -X POST "$URL/validate/"
[[ $status == 404 ]] || fail "/validate/ answers $status"

step 27 'the access token after signing out'
login
if json; then
	call -k -H "AUTHORIZATION: Bearer $access" "$URL/testapp/protect/"
	want 200 'worked!'
	bearer "$refresh" /api/token/refresh/logout/
	call -k -H "AUTHORIZATION: Bearer $access" "$URL/testapp/protect/"
else
	access=$(cookie $access_cookie)
	call -k -b "$access_cookie=$access" "$URL/testapp/protect/"
	want 200 'worked!'
	posted /api/token/refresh/logout/
	call -k -b "$access_cookie=$access" "$URL/testapp/protect/"
fi
want 403 '{"error": "Input jti token is already blacklisted."}'

if two; then
	step 28 'attributes, paths and checks'
	with "$secret"'
DJWTO_MODE = "TWO-COOKIES"
DJWTO_SAME_SITE = "Strict"
DJWTO_DOMAIN = "example.test"
DJWTO_REFRESH_COOKIE_PATH = "auth/r"
DJWTO_CSRF = false'
	session
	sess "$other/login/" -d username=alice -d password=pass
	want 200 '{"msg": "Tokens successfully created."}'
	like '*; Domain=example.test;*; Path=/auth/r; SameSite=Strict; Secure' "$(set_cookie jwt_refresh)" || fail "$(set_cookie jwt_refresh)"
	like '*; Domain=example.test;*; Path=/; SameSite=Strict; Secure' "$(set_cookie jwt_access_token)" || fail "$(set_cookie jwt_access_token)"
	! set_cookie csrftoken || fail 'csrftoken is set'
	sent=$(set_cookie jwt_refresh | sed 's/^[^ ]* \([^;]*\);.*/\1/')
	call -k -b "$sent" -d jwt_type=refresh "$other/auth/r/validate_refresh/"
	want 200 "$valid"
fi

step 29 'without a key'
with 'DJWTO_IAT_CLAIM = true'
log=$(cat "$tmp/own.toml.log")
[[ $(grep -c 'DJWTO_SIGNING_KEY is not set' <<<"$log") == 1 ]] || fail "serve says: $log"
login "$other"
call -k -X POST -H "AUTHORIZATION: Bearer $access" "$other/validate_access/"
want 200 "$valid"

step done
