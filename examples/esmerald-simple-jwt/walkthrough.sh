#!/usr/bin/env bash
# The esmerald-simple-jwt document with curl, against the example or against
# `watchword serve` with the dialect esmerald:
#
#   URL=http://127.0.0.1:8000 W=watchword DB=sqlite:es.db examples/esmerald-simple-jwt/walkthrough.sh
#
# It runs in the directory of the database and of signing.key, and disables
# ann for a moment.
#
# Left out: 12 and 13, and the document in 14, because there is no OpenAPI
# document and no Swagger page yet; the times in 5, which the engine's own
# tests look at; and 18, which is Go and has its tests in dialect/.
source "$(dirname "${BASH_SOURCE[0]}")/../internal/walk.sh"

step 1 'sign in'
call -X POST "$URL/auth/signin" -H 'Content-Type: application/json' -d '{"email":"ann@example.com","password":"ann-pass-77"}'
want 200 '{"access_token":"*","refresh_token":"*"}'
header cache-control no-store
access=$(member access_token "$body")
refresh=$(member refresh_token "$body")

step 2 'what the access token says'
claims=$(part 2 "$access")
like '{"exp":*,"iat":*,"sub":"1","token_type":"access_token","jti":"*"}' "$claims" || fail "claims $claims"
[[ $(($(member exp "$claims") - $(member iat "$claims"))) == 300 ]] || fail "lifetime: $claims"
[[ $(part 1 "$access") == '{"alg":"HS256","typ":"JWT"}' ]] || fail "header $(part 1 "$access")"

step 3 'what the refresh token says'
claims=$(part 2 "$refresh")
like '*"sub":"1","token_type":"refresh_token"*' "$claims" || fail "claims $claims"
[[ $(($(member exp "$claims") - $(member iat "$claims"))) == 86400 ]] || fail "lifetime: $claims"

step 4 'a wrong password'
invalid='{"detail":"Invalid credentials."}'
call -X POST "$URL/auth/signin" -H 'Content-Type: application/json' -d '{"email":"ann@example.com","password":"wrong"}'
want 401 "$invalid"
header www-authenticate ''

step 5 'an unknown address'
call -X POST "$URL/auth/signin" -H 'Content-Type: application/json' -d '{"email":"nobody@example.com","password":"ann-pass-77"}'
want 401 "$invalid"
header www-authenticate ''

step 6 'an inactive user'
call -X POST "$URL/auth/signin" -H 'Content-Type: application/json' -d '{"email":"ina@example.com","password":"ina-pass-77"}'
want 401 "$invalid"
header www-authenticate ''

step 7 'what is no sign-in'
for bad in '{"email":"x","password":"ann-pass-77"}' '{"email":"ann@example.com"}' '{"email":'; do
	call -X POST "$URL/auth/signin" -H 'Content-Type: application/json' -d "$bad"
	want 400 '{"detail":"*"*}'
done

step 8 'refresh'
call -X POST "$URL/auth/refresh-access" -H 'Content-Type: application/json' -d '{"refresh_token":"'"$refresh"'"}'
want 200 '{"access_token":"*"}'
next=$(part 2 "$(member access_token "$body")")
like '*"sub":"1","token_type":"access_token"*' "$next" || fail "claims $next"

step 9 'refresh with the access token'
call -X POST "$URL/auth/refresh-access" -H 'Content-Type: application/json' -d '{"refresh_token":"'"$access"'"}'
want 401 '{"detail":"Only refresh tokens are allowed."}'

step 10 'refresh with what is no token'
call -X POST "$URL/auth/refresh-access" -H 'Content-Type: application/json' -d '{"refresh_token":"'"$(tamper "$refresh")"'"}'
want 401 '{"detail":"Signature verification failed"}'
now=$(date +%s)
expired=$(forge '{"alg":"HS256","typ":"JWT"}' "{\"exp\":$((now - 60)),\"iat\":$((now - 86460)),\"sub\":\"1\",\"token_type\":\"refresh_token\"}")
call -X POST "$URL/auth/refresh-access" -H 'Content-Type: application/json' -d '{"refresh_token":"'"$expired"'"}'
want 401 '{"detail":"Signature has expired"}'
call -X POST "$URL/auth/refresh-access" -H 'Content-Type: application/json' -d '{"refresh_token":"garbage"}'
want 401 '{"detail":"Not enough segments"}'

step 11 'another method'
[[ $(curl -s -o /dev/null -w '%{http_code}' "$URL/auth/signin") == 405 ]] || fail 'GET /auth/signin is not 405'

# with SETTINGS: a server of its own with further settings of the dialect,
# and ann signed in there.
with() {
	cat >"$tmp/own.toml" <<-TOML
		db = "sqlite:$tmp/own.db"
		[keys]
		algorithm = "HS256"
		secret_file = "$PWD/signing.key"
		[[dialect]]
		name = "esmerald"
		[dialect.settings]
		$1
	TOML
	[[ -e $tmp/own.db ]] || add ann ann-pass-77 "sqlite:$tmp/own.db" --email ann@example.com
	serve "$tmp/own.toml"
}

step 14 'other settings'
with $'signin_url = "/login"\naccess_token_lifetime = "1m"\naccess_token_name = "a"'
call -X POST "$other/auth/login" -H 'Content-Type: application/json' -d '{"email":"ann@example.com","password":"ann-pass-77"}'
want 200 '{"access_token":"*","refresh_token":"*"}'
claims=$(part 2 "$(member access_token "$body")")
[[ $(member token_type "$claims") == a ]] || fail "claims $claims"
[[ $(($(member exp "$claims") - $(member iat "$claims"))) == 60 ]] || fail "lifetime: $claims"
call -X POST "$other/auth/signin" -H 'Content-Type: application/json' -d '{"email":"ann@example.com","password":"ann-pass-77"}'
[[ $status == 404 ]] || fail "the old route answers $status"

step 15 'a disabled user'
"$W" user disable ann --db "$DB" >/dev/null
call -X POST "$URL/auth/refresh-access" -H 'Content-Type: application/json' -d '{"refresh_token":"'"$refresh"'"}'
want 401 "$invalid"
"$W" user enable ann --db "$DB" >/dev/null

step 16 'times are in UTC'
export TZ=Asia/Tokyo
with ''
unset TZ
call -X POST "$other/auth/signin" -H 'Content-Type: application/json' -d '{"email":"ann@example.com","password":"ann-pass-77"}'
want 200 '{"access_token":"*","refresh_token":"*"}'
left=$(($(member exp "$(part 2 "$(member access_token "$body")")") - $(date +%s)))
((left >= 240 && left <= 300)) || fail "the token lives $left s"

step 17 'the secret is the text in the file'
[[ $(forge "$(part 1 "$access")" "$(part 2 "$access")") == "$access" ]] || fail 'signed anew by the text of signing.key, the token is another'

step done
