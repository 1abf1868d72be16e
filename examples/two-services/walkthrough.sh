#!/usr/bin/env bash
# The django-easyjwt document with curl, against the two services: the Go
# programs, or `watchword serve` twice with auth.toml and client.toml:
#
#   URL=http://127.0.0.1:8001 AUTH=http://127.0.0.1:8000 W=watchword DB=sqlite:auth.db \
#     CLIENT_DB=sqlite:client.db examples/two-services/walkthrough.sh
#
# It runs in the directory of the auth-service's database, which has the
# document's three users, and changes one of them. CLIENT_DB is the database of
# a client-service that `watchword serve` runs; with the Go program, whose
# mirror is its own, it stays empty, and the commands on it are left out, and
# the admin pages. Step 21 waits for a token to expire.
#
# Left out: 26 and 27, which need Python's packages; 28, which is about
# networks.
source "$(dirname "${BASH_SOURCE[0]}")/../internal/walk.sh"
: "${AUTH:?the address of the auth-service}" "${CLIENT_DB:=}"

# signin LOGIN [CLIENT]: the tokens of a person of the document.
signin() {
	call -X POST -H "Content-Type: application/json" -d '{"email": "'"$1@test.com"'", "password": "'"$1-pass"'"}' "${2:-$URL}/auth/token/"
	want 200 '{"refresh":"*","access":"*"}'
	header content-type application/json
	REFRESH_TOKEN=$(member refresh "$body")
	ACCESS_TOKEN=$(member access "$body")
}

# api [CLIENT]: the document's view.
api() { call -H "Authorization: Bearer ${ACCESS_TOKEN}" "${1:-$URL}/api/test/"; }

# record ID [SERVICE]: what the user's page says to the token.
record() { call -H "Authorization: Bearer ${ACCESS_TOKEN}" "${2:-$URL}/auth/users/$1/"; }

# refresh [CLIENT]: a new access token.
refresh() {
	call -X POST -H "Content-Type: application/json" -d "{\"refresh\": \"$REFRESH_TOKEN\"}" "${1:-$URL}/auth/token/refresh/"
	want 200 '{"access":"*"}'
	ACCESS_TOKEN=$(member access "$body")
}

# mirrored PATTERN: what the client-service's database says of its users.
mirrored() {
	local list
	[[ -z $CLIENT_DB ]] && return
	list=$("$W" user list --json --db "$CLIENT_DB" | tr -d ' \n')
	like "$1" "$list" || fail "user list: $list; want: $1"
}

# page BASE PATH LOGIN PASSWORD: signs in on a page, with the cookies of $jar.
page() {
	local token field=csrfmiddlewaretoken login=username
	[[ $2 == /admin/* ]] && field=csrf login=login
	call -b "$jar" -c "$jar" "$1$2"
	token=$(printf %s "$body" | sed -n "s/.*name=\"$field\" value=\"\([^\"]*\)\".*/\1/p" | head -n 1)
	call -b "$jar" -c "$jar" --data-urlencode "$field=$token" --data-urlencode "$login=$3" --data-urlencode "password=$4" "$1$2"
}
jar=$tmp/jar

# with SETTINGS: an auth-service of our own, whose only user is the admin, in
# $authority.
with() {
	cat >"$tmp/own.toml" <<-TOML
		db = "sqlite:$tmp/own.db"
		[[dialect]]
		name = "easyjwt"
		[dialect.settings]
		SIGNING_KEY_FILE = "$tmp/signing.key"
		$1
	TOML
	serve "$tmp/own.toml"
	authority=$other
}

# client NAME SETTINGS: a client-service of it, in $other.
client() {
	cat >"$tmp/$1.toml" <<-TOML
		db = "sqlite:$tmp/$1.db"
		[[dialect]]
		name = "easyjwt-client"
		sample_routes = true
		[dialect.settings]
		REMOTE_AUTH_SERVICE_URL = "$authority"
		$2
	TOML
	serve "$tmp/$1.toml"
}

# stop: ends the last server in order.
stop() {
	local code=0
	kill -INT "${servers[-1]}"
	wait "${servers[-1]}" || code=$?
	[[ $code == 0 ]] || fail "stopped, the server ended with $code"
	unset 'servers[-1]'
}

step 1 'the first user'
export DJANGO_SUPERUSER_EMAIL=admin@test.com
export DJANGO_SUPERUSER_USERNAME=admin
export DJANGO_SUPERUSER_PASSWORD=admin-pass
"$W" user add --superuser --noinput --db "sqlite:$tmp/own.db" >/dev/null
like '*"id":"1","login":"admin","email":"admin@test.com"*"superuser":true*' \
	"$("$W" user show admin --json --db "sqlite:$tmp/own.db" | tr -d ' \n')" || fail 'user show admin'
refused 1 '*' "$W" user add --superuser --noinput --db "sqlite:$tmp/own.db"
unset DJANGO_SUPERUSER_EMAIL DJANGO_SUPERUSER_USERNAME DJANGO_SUPERUSER_PASSWORD
"$W" key secret >"$tmp/signing.key"

step 2 'three users'
like '[{"id":"1","login":"admin"*"superuser":true*{"id":"2","login":"staff"*"staff":true,"superuser":false*{"id":"3","login":"user"*"staff":false*}]' \
	"$("$W" user list --json --db "$DB" | tr -d ' \n')" || fail "user list: $("$W" user list --json --db "$DB")"

if [[ $CLIENT_DB ]]; then
	step 3 'the admin pages'
	page "$AUTH" /admin/signin user@test.com user-pass
	want 403 '*'
	page "$AUTH" /admin/signin admin@test.com admin-pass
	want 303 '*'
	call -b "$jar" "$AUTH/admin/users"
	want 200 '*staff@test.com*'
	rm "$jar"
fi

step 4 'stop, and start again'
with ''
stop
with ''

step 5, 6 'a client-service without users'
mirrored '[]'

step 7 'sign in'
signin user

step 8 'one user is mirrored'
mirrored '[{"id":"1",*"email":"user@test.com",*"staff":false,"superuser":false,"active":true,*"remote_id":"3"}]'

step 9 'the view'
api
want 200 '"success"'

step 10 'the view, without a good token'
call "$URL/api/test/"
want 401 '{"detail":"Authentication credentials were not provided."}'
call -H "Authorization: bearer ${ACCESS_TOKEN}" "$URL/api/test/"
want 401 '{"detail":"Authentication credentials were not provided."}'
call -H "Authorization: Bearer $(tamper "$ACCESS_TOKEN")" "$URL/api/test/"
want 401 '{"detail":"Token is invalid or expired"}'
call -H "Authorization: Bearer ${REFRESH_TOKEN}" "$URL/api/test/"
want 401 '{"detail":"*"}'

step 11 'refresh, as printed'
call -X POST -H "Content-Type: application/json" -d '{"refresh": "${REFRESH_TOKEN"}}' "$URL/auth/token/refresh/"
want 400 '{"detail":"JSON parse error - *"}'

step 12 'refresh'
refresh
header content-type application/json
api
want 200 '"success"'

step 13 'verify, as printed'
call -X POST -H "Content-Type: application/json" -d '{"token": "${REFRESH_TOKEN}"}' "$URL/auth/token/verify/"
want 401 '{"detail":"Token is invalid or expired","code":"token_not_valid"}'

step 14 'verify'
call -X POST -H "Content-Type: application/json" -d "{\"token\": \"${REFRESH_TOKEN}\"}" "$URL/auth/token/verify/"
want 200 '{}'
header content-type application/json

step 15 'my record'
own='{"id":3,"first_name":"*","email":"user@test.com","last_name":"","date_joined":"*Z","last_login":null,"is_active":true,"is_staff":false,"is_superuser":false}'
record 3 "${URL/127.0.0.1/localhost}"
want 200 "$own"
call -H "Authorization: Bearer ${ACCESS_TOKEN}" "$URL/auth/user/"
want 200 "$own"

step 16 'the record of somebody, and of nobody'
for id in 1 99; do
	record "$id"
	want 404 '{"detail":"Not found."}'
done

step 17 'the same at the auth-service'
record 3 "$AUTH"
want 200 "$own"
for id in 1 99; do
	record "$id" "$AUTH"
	want 404 '{"detail":"Not found."}'
done
signin admin
record 3 "$AUTH"
want 200 "$own"

step 18 'sign in again'
signin user
mirrored '*"remote_id":"3"}*'
[[ -z $CLIENT_DB ]] || [[ $("$W" user list --json --db "$CLIENT_DB" | grep -o '"remote_id":"3"' | wc -l) == 1 ]] || fail 'the user is there twice'

step 19 'a first name'
"$W" user set user --first-name U --db "$DB" >/dev/null
signin user
mirrored '*"email":"user@test.com","first_name":"U"*'

step 20 'each sees himself'
signin admin
record 1
want 200 '{"id":1,*"email":"admin@test.com",*"is_staff":true,"is_superuser":true}'
signin staff
record 2
want 200 '{"id":2,*"email":"staff@test.com",*"is_staff":true,"is_superuser":false}'
mirrored '*"email":"admin@test.com",*"staff":false,"superuser":false*"remote_id":"1"*"email":"staff@test.com",*"staff":false,"superuser":false*"remote_id":"2"*'

step 21 'an access token that expires'
stop
with 'ACCESS_TOKEN_LIFETIME = "2s"'
client short ''
short=$other
signin admin "$short"
sleep 3
api "$short"
want 401 '{"detail":"Token is invalid or expired"}'
renewed() {
	refresh "$short"
	api "$short"
	[[ $status == 200 ]]
}
within 30 renewed # a machine that is busy may use up a token's 2 s

step 22 'the auth-service is away'
stop # the client-service
stop
with ''
client asks ''
asks=$other
client keys "verifying_key_FILE = \"$tmp/signing.key\""
keys=$other
signin admin "$keys"
signin admin "$authority" # a token that no client-service has seen
kill -INT "${servers[-3]}"
wait "${servers[-3]}" || fail 'the auth-service did not end in order'
for gone in "$asks" "$keys"; do
	call -X POST -H "Content-Type: application/json" -d '{"email": "admin@test.com", "password": "admin-pass"}' "$gone/auth/token/"
	want 401 '{"detail":"Authentication Service Connection Error."}'
done
api "$asks"
want 401 '{"detail":"Authentication Service Connection Error."}'
api "$keys"
want 200 '"success"'

if [[ $CLIENT_DB ]]; then
	step 23 'no user is added by hand'
	refused 1 '*users come from the authority*' "$W" user add x --password-hash-stdin --db "$CLIENT_DB" </dev/null
fi

step 24 'permission by extra data'
with ''
client permission 'permission_field = "customuserfield.field1"
		permission_value = "field1 value"'
permission=$other
signin admin "$permission"
api "$permission"
want 403 '{"detail":"You do not have permission to this service"}'
allow() { "$W" user set admin --extra '{"customuserfield":{"field1":"'"$1"'","field2":"","field3":""}}' --db "sqlite:$tmp/own.db" >/dev/null; }
allow 'field1 value'
signin admin "$permission"
api "$permission"
want 200 '"success"'
record 1 "$permission"
want 200 '{"id":1,*"customuserfield":{"field1":"field1 value","field2":"","field3":""}}'
allow 'another value'
signin admin "$permission"
api "$permission"
want 403 '{"detail":"You do not have permission to this service"}'

step 25 'sign in on a page'
page "$URL" /auth/login/ admin@test.com wrong
want 401 '*Please enter a correct e-mail and password.*'
page "$URL" /auth/login/ admin@test.com admin-pass
want 302 ''
call -b "$jar" "$URL/auth/login/"
want 200 '*signed in as admin@test.com*'
call -b "$jar" "$URL/api/test/"
want 200 '"success"'
if [[ $CLIENT_DB ]]; then
	page "$URL" /admin/signin admin@test.com admin-pass
	want 403 '*'
	"$W" user set admin --staff --db "$CLIENT_DB" >/dev/null
	page "$URL" /admin/signin admin@test.com admin-pass
	want 303 '*'
	call -b "$jar" "$URL/admin/account"
	want 200 '*admin@test.com*'
	signin admin # which does not take it away again
	mirrored '*"email":"admin@test.com",*"staff":true,"superuser":false*'
fi

step done
