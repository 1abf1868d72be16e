#!/usr/bin/env bash
# The ellar-jwt guide with curl, against the example or against
# `watchword serve` with the dialect ellar:
#
#   URL=http://localhost:8000 W=watchword DB=sqlite:el.db examples/ellar/walkthrough.sh
#
# It runs in the directory of the database and of signing.key, changes the
# user john, and takes half a minute: step 12 waits for a limit.
source "$(dirname "${BASH_SOURCE[0]}")/../internal/walk.sh"

step 1 'the secret that the guide prints is refused'
cat >"$tmp/short.toml" <<-END
	db = "sqlite:$tmp/short.db"
	[[dialect]]
	name = "ellar"
	[dialect.settings]
	signing_secret_key = "your-secret-key"
END
refused 1 '*signing_secret_key*watchword key secret*' "$W" serve --config "$tmp/short.toml" --addr 127.0.0.1:0

step 2 'sign in'
call -X POST "$URL/auth/login" -H "Content-Type: application/json" -d '{"username": "john", "password": "password"}'
want 200 '{"access_token":"*","refresh_token":"*"}'
header cache-control no-store
access=$(member access_token "$body")
refresh=$(member refresh_token "$body")

step 3 'what the access token says'
claims=$(part 2 "$access")
like '{"exp":*,"iat":*,"jti":"*","user_id":1,"username":"john","sub":"1"}' "$claims" || fail "claims $claims"
[[ $(($(member exp "$claims") - $(member iat "$claims"))) == 300 ]] || fail "lifetime: $claims"
[[ $(member jti "$claims") =~ ^[0-9a-f]{32}$ ]] || fail "jti: $claims"
[[ $(part 1 "$access") == '{"alg":"HS256","typ":"JWT"}' ]] || fail "header $(part 1 "$access")"

step 4 'what the refresh token says'
claims=$(part 2 "$refresh")
[[ $(member sub "$claims") == john ]] || fail "claims $claims"
[[ $(($(member exp "$claims") - $(member iat "$claims"))) == 2592000 ]] || fail "lifetime: $claims"

step 5 'the profile'
call "$URL/auth/profile" -H "Authorization: Bearer $access"
want 200 '{"exp":*,"iat":*,"jti":"*","user_id":1,"username":"john","sub":"1","id":"1","auth_type":"bearer"}'

step 6 'the profile without a good token'
now=$(date +%s)
forbidden='{"detail":"Forbidden","status_code":401}'
call "$URL/auth/profile"
want 401 "$forbidden"
call "$URL/auth/profile" -H "Authorization: Bearer $(tamper "$access")"
want 401 "$forbidden"
call "$URL/auth/profile" -H "Authorization: Bearer $(forge '{"alg":"HS256","typ":"JWT"}' "{\"exp\":$((now - 60)),\"iat\":$((now - 360)),\"user_id\":1,\"username\":\"john\",\"sub\":\"1\"}")"
want 401 "$forbidden"

step 7 'the profile with the refresh token'
call "$URL/auth/profile" -H "Authorization: Bearer $refresh"
want 401 "$forbidden"

step 8 'refresh'
call -X POST "$URL/auth/refresh" -H "Content-Type: application/json" -d '{"payload": "'"$refresh"'"}'
want 200 '{"access_token":"*"}'
call "$URL/auth/profile" -H "Authorization: Bearer $(member access_token "$body")"
want 200 '*"username":"john"*'

step 9 'refresh with anything else'
wrong='{"detail":"Incorrect authentication credentials."}'
call -X POST "$URL/auth/refresh" -H "Content-Type: application/json" -d '{"payload": "garbage"}'
want 401 "$wrong"
call -X POST "$URL/auth/refresh" -H "Content-Type: application/json" -d '{"payload": "'"$access"'"}'
want 401 "$wrong"
"$W" user disable john --db "$DB" >/dev/null
call -X POST "$URL/auth/refresh" -H "Content-Type: application/json" -d '{"payload": "'"$refresh"'"}'
want 401 "$wrong"
ended() { call "$URL/auth/profile" -H "Authorization: Bearer $access" && [[ $status == 401 ]]; }
within 2 ended # the access token too
"$W" user enable john --db "$DB" >/dev/null

step 10 'a wrong password, an unknown user'
call -X POST "$URL/auth/login" -H "Content-Type: application/json" -d '{"username": "john", "password": "wrong"}'
want 401 "$wrong"
call -X POST "$URL/auth/login" -H "Content-Type: application/json" -d '{"username": "nobody", "password": "password"}'
want 401 "$wrong"

step 11 'no password'
call -X POST "$URL/auth/login" -H "Content-Type: application/json" -d '{"username": "john"}'
want 422 '{"detail":[{"type":"missing","loc":["body","password"],"msg":"Field required"*}]}'

step 12 'twenty wrong passwords, and the right one after the wait'
for _ in {1..20}; do
	call -X POST "$URL/auth/login" -H "Content-Type: application/json" -d '{"username": "john", "password": "wrong"}'
done
want 429 '{"detail":"Too Many Requests"}'
wait=$(tr -d '\r' <"$tmp/header" | sed -n 's/^retry-after: //Ip')
[[ $wait =~ ^[0-9]+$ ]] || fail "Retry-After: $wait"
sleep "$wait"
call -X POST "$URL/auth/login" -H "Content-Type: application/json" -d '{"username": "john", "password": "password"}'
want 200 '{"access_token":"*","refresh_token":"*"}'

# with SETTINGS: a server of its own with further settings of the dialect.
with() {
	cat >"$tmp/own.toml" <<-END
		db = "sqlite:$tmp/own.db"
		[[dialect]]
		name = "ellar"
		[dialect.settings]
		signing_secret_key_FILE = "$PWD/signing.key"
		lifetime = "5m"
		$1
	END
	[[ -e $tmp/own.db ]] || add john password "sqlite:$tmp/own.db"
	serve "$tmp/own.toml"
	call -X POST "$other/auth/login" -H "Content-Type: application/json" -d '{"username": "john", "password": "password"}'
	want 200 '*'
	access=$(member access_token "$body")
	refresh=$(member refresh_token "$body")
}

step 13 'rotation'
with 'rotate_refresh_tokens = true'
call -X POST "$other/auth/refresh" -H "Content-Type: application/json" -d '{"payload": "'"$refresh"'"}'
want 200 '{"access_token":"*","refresh_token":"*"}'
next=$(member refresh_token "$body")
[[ $next != "$refresh" ]] || fail 'the refresh token was not rotated'
call -X POST "$other/auth/refresh" -H "Content-Type: application/json" -d '{"payload": "'"$next"'"}'
want 200 '{"access_token":"*","refresh_token":"*"}'
call -X POST "$other/auth/refresh" -H "Content-Type: application/json" -d '{"payload": "'"$refresh"'"}'
want 401 "$wrong" # it was used twice: the session has ended
call "$other/auth/profile" -H "Authorization: Bearer $access"
want 401 "$forbidden"

step 13 'blacklist'
with 'blacklist = true'
call -X POST "$other/auth/logout" -H "Content-Type: application/json" -d '{"payload": "'"$refresh"'"}'
want 200 '*'
call -X POST "$other/auth/refresh" -H "Content-Type: application/json" -d '{"payload": "'"$refresh"'"}'
want 401 "$wrong"
call "$other/auth/profile" -H "Authorization: Bearer $access"
want 401 "$forbidden"

step 13 'cookies'
with 'transport = "one-cookie"'
want 200 '{}'
cookie() { tr -d '\r' <"$tmp/header" | sed -n "s/^set-cookie: $1=\([^;]*\);.*HttpOnly; Secure.*/\1/Ip"; }
jar="access_token=$(cookie access_token); refresh_token=$(cookie refresh_token)"
call "$other/auth/profile" -H "Cookie: $jar"
want 200 '*"username":"john"*'
call -X POST "$other/auth/refresh" -H "Cookie: $jar" -H 'Sec-Fetch-Site: cross-site' -H "Content-Type: application/json" -d '{}'
[[ $status == 403 ]] || fail "a page of another site refreshes: $status $body"
call -X POST "$other/auth/refresh" -H "Cookie: $jar" -H "Content-Type: application/json" -d '{}'
want 200 '{}'
[[ $(cookie access_token) == eyJ* ]] || fail 'no new access token'

step 13 'sliding'
with $'rotate_refresh_tokens = true\nsliding = true\nrefresh_lifetime = "10m"'
first=$(member exp "$(part 2 "$refresh")")
sleep 1.1 # exp is in whole seconds
call -X POST "$other/auth/refresh" -H "Content-Type: application/json" -d '{"payload": "'"$refresh"'"}'
want 200 '{"access_token":"*","refresh_token":"*"}'
[[ $(member exp "$(part 2 "$(member refresh_token "$body")")") -gt $first ]] || fail 'the successor lives no longer'

step 14 'the strategy guard, and a bad header at login'
with 'strategy = "guard"'
call "$other/auth/profile"
want 401 '{"detail":"Forbidden"}'
call -X POST "$other/auth/login" -H "Authorization: Bearer garbage" -H "Content-Type: application/json" -d '{"username": "john", "password": "password"}'
want 200 '{"access_token":"*","refresh_token":"*"}'

step 15 'what doctor says of plain http and of a key that all may read'
cp signing.key "$tmp/open.key"
chmod 644 "$tmp/open.key"
cat >"$tmp/open.toml" <<-END
	addr = "0.0.0.0:8000"
	db = "sqlite:$tmp/own.db"
	[[dialect]]
	name = "ellar"
	[dialect.settings]
	signing_secret_key_FILE = "$tmp/open.key"
END
refused 1 '*addr*plain http*' "$W" doctor --config "$tmp/open.toml"
refused 1 "*$tmp/open.key*" "$W" doctor --config "$tmp/open.toml"

step done
