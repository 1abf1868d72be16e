#!/usr/bin/env bash
# The auth-service of the django-easyjwt document with curl, against the
# example or against `watchword serve` with the dialect easyjwt:
#
#   URL=http://127.0.0.1:8000 W=watchword DB=sqlite:auth.db examples/easyjwt-auth/walkthrough.sh
#
# It runs in the directory of the database, which has the document's three
# users, and gives one of them a first name. Step 21 waits for a token to
# expire.
#
# Left out: the pages in 2 and 3, and what is the client-service's, /api/test/
# and the mirrored users among it: examples/two-services goes through all of
# it. Where the client-service would be asked, the auth-service is, and the
# user's record stands for /api/test/. 26 to 28 need Python's packages.
source "$(dirname "${BASH_SOURCE[0]}")/../internal/walk.sh"

# signin LOGIN: the tokens of a person of the document.
signin() {
	call -X POST -H "Content-Type: application/json" -d '{"email": "'"$1@test.com"'", "password": "'"$1-pass"'"}' "${2:-$URL}/auth/token/"
	want 200 '{"refresh":"*","access":"*"}'
	header content-type application/json
	REFRESH_TOKEN=$(member refresh "$body")
	ACCESS_TOKEN=$(member access "$body")
}

# record ID: what the user's page says to the token.
record() { call -H "Authorization: Bearer ${ACCESS_TOKEN}" "${2:-$URL}/auth/users/$1/"; }

step 1 'the first user'
export DJANGO_SUPERUSER_EMAIL=admin@test.com
export DJANGO_SUPERUSER_USERNAME=admin
export DJANGO_SUPERUSER_PASSWORD=admin-pass
"$W" user add --superuser --noinput --db "sqlite:$tmp/own.db" >/dev/null
like '*"id":"1","login":"admin","email":"admin@test.com"*"superuser":true*' \
	"$("$W" user show admin --json --db "sqlite:$tmp/own.db" | tr -d ' \n')" || fail 'user show admin'
refused 1 '*' "$W" user add --superuser --noinput --db "sqlite:$tmp/own.db"
unset DJANGO_SUPERUSER_EMAIL DJANGO_SUPERUSER_USERNAME DJANGO_SUPERUSER_PASSWORD

step 2 'three users'
like '[{"id":"1","login":"admin"*"superuser":true*{"id":"2","login":"staff"*"staff":true,"superuser":false*{"id":"3","login":"user"*"staff":false*}]' \
	"$("$W" user list --json --db "$DB" | tr -d ' \n')" || fail "user list: $("$W" user list --json --db "$DB")"

# with SETTINGS: the server of step 1, with these settings of the dialect.
with() {
	cat >"$tmp/own.toml" <<-TOML
		db = "sqlite:$tmp/own.db"
		[[dialect]]
		name = "easyjwt"
		[dialect.settings]
		$1
	TOML
	serve "$tmp/own.toml"
}

step 4 'stop, and start again'
with ''
signin admin "$other"
kill -INT "${servers[-1]}"
code=0
wait "${servers[-1]}" || code=$?
[[ $code == 0 ]] || fail "stopped, the server ended with $code"
with ''
signin admin "$other"

step 7 'sign in'
signin user

step 11 'refresh, as printed'
call -X POST -H "Content-Type: application/json" -d '{"refresh": "${REFRESH_TOKEN"}}' "$URL/auth/token/refresh/"
want 400 '{"detail":"JSON parse error - *"}'

step 12 'refresh'
call -X POST -H "Content-Type: application/json" -d "{\"refresh\": \"$REFRESH_TOKEN\"}" "$URL/auth/token/refresh/"
want 200 '{"access":"*"}'
header content-type application/json
ACCESS_TOKEN=$(member access "$body")
record 3
want 200 '*'

step 13 'verify, as printed'
call -X POST -H "Content-Type: application/json" -d '{"token": "${REFRESH_TOKEN}"}' "$URL/auth/token/verify/"
want 401 '{"detail":"Token is invalid or expired","code":"token_not_valid"}'

step 14 'verify'
call -X POST -H "Content-Type: application/json" -d "{\"token\": \"${REFRESH_TOKEN}\"}" "$URL/auth/token/verify/"
want 200 '{}'
header content-type application/json

step 15 'my record'
record 3
want 200 '{"id":3,"first_name":"*","email":"user@test.com","last_name":"","date_joined":"*Z","last_login":null,"is_active":true,"is_staff":false,"is_superuser":false}'

step 16 'the record of somebody, and of nobody'
record 1
want 404 '{"detail":"Not found."}'
record 99
want 404 '{"detail":"Not found."}'

step 17 'any record, for the superuser'
signin admin
record 3
want 200 '{"id":3,*"email":"user@test.com",*}'
record 99
want 404 '{"detail":"Not found."}'

step 19 'a first name'
"$W" user set user --first-name U --db "$DB" >/dev/null
signin user
record 3
want 200 '{"id":3,"first_name":"U",*}'

step 20 'each sees himself'
signin admin
record 1
want 200 '{"id":1,*"email":"admin@test.com",*"is_staff":true,"is_superuser":true}'
signin staff
record 2
want 200 '{"id":2,*"email":"staff@test.com",*"is_staff":true,"is_superuser":false}'

step 21 'an access token that expires'
with 'ACCESS_TOKEN_LIFETIME = "2s"'
signin admin "$other"
sleep 3
record 1 "$other"
want 401 '{"detail":"Given token not valid for any token type","code":"token_not_valid",*}'
renewed() {
	call -X POST -H "Content-Type: application/json" -d "{\"refresh\": \"$REFRESH_TOKEN\"}" "$other/auth/token/refresh/"
	want 200 '{"access":"*"}'
	ACCESS_TOKEN=$(member access "$body")
	record 1 "$other"
	[[ $status == 200 ]]
}
within 30 renewed # a machine that is busy may use up a token's 2 s

step done
