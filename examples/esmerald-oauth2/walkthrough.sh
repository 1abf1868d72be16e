#!/usr/bin/env bash
# Esmerald's guide to OAuth2 with password and JWT, with curl, against the
# example or against `watchword serve` with the dialect oauth2:
#
#   URL=http://127.0.0.1:8000 W=watchword DB=sqlite:oa.db examples/esmerald-oauth2/walkthrough.sh
#
# With POSTS=true the server has the routes /posts and /drive of the example.
# It runs in the directory of the database and of signing.key, disables
# janedoe for a moment, and leaves mixed.db and shared.db behind.
source "$(dirname "${BASH_SOURCE[0]}")/../internal/walk.sh"

step 1 'a secret'
[[ $(openssl rand -hex 32) =~ ^[0-9a-f]{64}$ ]] || fail 'openssl rand'
[[ $("$W" key secret) =~ ^[0-9a-f]{64}$ ]] || fail 'key secret'

step 2 'look into the token that the guide shows'
seen=$("$W" token inspect eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c 2>&1)
for what in HS256 1234567890 'John Doe' 1516239022 'not verified'; do
	like "*$what*" "$seen" || fail "token inspect does not show $what: $seen"
done

step 3 'sign in'
call -X POST "$URL/token" -d 'username=janedoe&password=hashsecret'
want 200 '{"access_token":"*","token_type":"bearer"}'
header cache-control no-store
token=$(member access_token "$body")

step 4 'what the token says'
now=$(date +%s)
claims=$(part 2 "$token")
like '{"sub":"janedoe","exp":*,"jti":"*"}' "$claims" || fail "claims $claims"
left=$(($(member exp "$claims") - now))
((left >= 1796 && left <= 1804)) || fail "the token lives $left s"

step 5 'who am I'
call "$URL/users/me" -H "Authorization: Bearer $token"
want 200 '{"username":"janedoe","email":"janedoe@example.com","full_name":"Jane Doe","disabled":false}'

step 6 'my items'
call "$URL/users/me/items" -H "Authorization: Bearer $token"
want 200 '[{"item_id":"Foo","owner":"janedoe"}]'

step 7 'a wrong password, an unknown user'
call -X POST "$URL/token" -d 'username=janedoe&password=wrong'
want 401 '{"detail":"Incorrect username or password"}'
header www-authenticate Bearer
call -X POST "$URL/token" -d 'username=nobody&password=wrong'
want 401 '{"detail":"Incorrect username or password"}'
header www-authenticate Bearer

step 8 'no token, and tokens that are none'
call "$URL/users/me"
want 401 '{"detail":"Not authenticated"}'
header www-authenticate Bearer
head=${token%%.*}
sign=${token##*.}
none=$(printf %s '{"alg":"none","typ":"JWT"}' | base64url).$(part 2 "$token" | base64url).
longer=$head.$(part 2 "$token" | sed 's/"exp":[0-9]*/"exp":4102444800/' | base64url).$sign
expired=$(forge '{"alg":"HS256","typ":"JWT"}' "{\"sub\":\"janedoe\",\"exp\":$((now - 60))}")
nobody=$(forge '{"alg":"HS256","typ":"JWT"}' "{\"exp\":$((now + 600))}")
for bad in "$(tamper "$token")" "$longer" "$expired" "$none" "$nobody"; do
	call "$URL/users/me" -H "Authorization: Bearer $bad"
	want 401 '{"detail":"Could not validate credentials"}'
	header www-authenticate Bearer
done

step 9 'a disabled user'
"$W" user disable janedoe --db "$DB" >/dev/null
inactive() { call "$URL/users/me" -H "Authorization: Bearer $token" && [[ $status == 400 && $body == '{"detail":"Inactive user"}' ]]; }
within 2 inactive
call -X POST "$URL/token" -d 'username=janedoe&password=hashsecret'
want 401 '{"detail":"Incorrect username or password"}'
"$W" user enable janedoe --db "$DB" >/dev/null

step 11 'as Swagger UI sends it'
call -X POST "$URL/token" -H 'Authorization: Basic Og==' -H 'X-Requested-With: XMLHttpRequest' -d 'grant_type=password&username=janedoe&password=hashsecret'
want 200 '{"access_token":"*","token_type":"bearer"}'
call -X POST "$URL/token" -d 'grant_type=password&username=janedoe&password=hashsecret&client_id=&client_secret='
want 200 '{"access_token":"*","token_type":"bearer"}'

step 12 'ask for a scope'
call -X POST "$URL/token" -d 'username=janedoe&password=hashsecret&scope=read:posts'
want 200 '{"access_token":"*","token_type":"bearer"}'
token=$(member access_token "$body")
like '*"scopes":["read:posts"]*' "$(part 2 "$token")" || fail "claims $(part 2 "$token")"

step 13 'a route that needs another scope'
if [[ ${POSTS:-} == true ]]; then
	call "$URL/posts" -H "Authorization: Bearer $token"
	want 200 'the posts, janedoe'
	call -X POST "$URL/posts" -H "Authorization: Bearer $token"
	want 403 '{"detail":"Permission denied"}'
else
	echo '   an application guards its own routes; the example has some'
fi

step 14 'ask for a scope that the user lacks'
call -X POST "$URL/token" -d 'username=janedoe&password=hashsecret&scope=admin'
want 200 '{"access_token":"*","token_type":"bearer","scope":""}'
like '*admin*' "$(part 2 "$(member access_token "$body")")" && fail 'a scope was granted that the user lacks'

step 15 'a prefix before the sub'
cat >"$tmp/prefix.toml" <<-END
	db = "sqlite:$tmp/prefix.db"
	[[dialect]]
	name = "oauth2"
	[dialect.settings]
	SECRET_KEY_FILE = "$PWD/signing.key"
	ACCESS_TOKEN_EXPIRE_MINUTES = 30
	sub_prefix = "username:"
END
add janedoe hashsecret "sqlite:$tmp/prefix.db" --email janedoe@example.com
serve "$tmp/prefix.toml"
call -X POST "$other/token" -d 'username=janedoe&password=hashsecret'
want 200 '{"access_token":"*","token_type":"bearer"}'
prefixed=$(member access_token "$body")
[[ $(member sub "$(part 2 "$prefixed")") == username:janedoe ]] || fail "claims $(part 2 "$prefixed")"
call "$other/users/me" -H "Authorization: Bearer $prefixed"
want 200 '{"username":"janedoe",*}'

step 16 'a token for a car'
car=$("$W" token issue --sub car:42 --scope drive --db "$DB" --issuer "$URL" --audience "$URL")
if [[ ${POSTS:-} == true ]]; then
	call -X POST "$URL/drive" -H "Authorization: Bearer $car"
	want 200 'driving, car:42'
	call -X POST "$URL/drive" -H "Authorization: Bearer $token"
	want 401 '*' # a person's token of the guide's face opens nothing here
fi
call -X POST "$URL/auth/v1/verify" -H 'Content-Type: application/json' -d '{"token":"'"$car"'"}'
want 200 '{"active":true,"claims":{*"sub":"car:42"*"scope":"drive"*}}'

# sign in all of them, on a server of its own whose preferred hash is $1
hashes() {
	cat >"$tmp/$1.toml" <<-END
		db = "sqlite:$PWD/$2.db"
		[password]
		preferred = "$1"
		[[dialect]]
		name = "oauth2"
		[dialect.settings]
		SECRET_KEY_FILE = "$PWD/signing.key"
	END
	while read -r login password hash; do
		printf %s "$hash" | "$W" user add "$login" --password-hash-stdin --db "sqlite:$PWD/$2.db" >/dev/null
	done <<-'END'
		janedoe hashsecret $2a$12$KplebFTPwFcgGQosJgI4De0PyB2AoRCSxasxHpFoYZPp6uQV/xLzm
		dora dora-pass-77 pbkdf2_sha256$260000$Zb3kPq9XtW2m$kjPb7qFnOThxq3kgecnhj8R/sbExyawyZUrUMPiVZbQ=
		emil emil-pass-77 pbkdf2:sha256:260000$q8RsTuVw$d8f894f6f10f85514fb4009beca600d4110aaa3e7934f52974a00cbea0404e00
	END
	serve "$tmp/$1.toml"
	for who in janedoe:hashsecret dora:dora-pass-77 emil:emil-pass-77; do
		call -X POST "$other/token" -d "username=${who%%:*}&password=${who##*:}"
		want 200 '{"access_token":"*","token_type":"bearer"}'
	done
}

step 17 'bcrypt, Django and Werkzeug hashes in one table'
hashes bcrypt mixed

step 18 'a table that Django signs in from as well'
hashes django-pbkdf2-sha256 shared

step done
