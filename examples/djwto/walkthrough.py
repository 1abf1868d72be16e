#!/usr/bin/env python3
"""The djwto document with Python, against the example or against `watchword
serve` with the dialect djwto, in whichever mode the server is:

    URL=https://localhost:8001 W=watchword DB=sqlite:dj.db python3 examples/djwto/walkthrough.py

The document's lines stand here as they are printed. Session is as much of
requests.Session as they use, over Python's own library. What they do not
reach is in walkthrough.sh.
"""

import base64
import http.cookiejar
import json
import os
import ssl
import subprocess
import urllib.error
import urllib.parse
import urllib.request

URL = os.environ["URL"]
REFRESH = URL + "/api/token/refresh"


class Response:
    def __init__(self, answer):
        self.status_code = answer.status
        self.headers = answer.headers
        self.content = answer.read()

    def json(self):
        return json.loads(self.content)


class Session:
    """Keeps cookies and headers, and takes any certificate (verify = False)."""

    def __init__(self):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.headers = {}
        self.jar = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=context),
            urllib.request.HTTPCookieProcessor(self.jar),
        )

    @property
    def cookies(self):
        return {cookie.name: cookie.value for cookie in self.jar}

    def request(self, method, url, data=None, headers=None):
        body = None
        if method != "GET":
            body = urllib.parse.urlencode(data or {}).encode()
        request = urllib.request.Request(url, data=body, method=method)
        for name, value in {**self.headers, **(headers or {})}.items():
            request.add_header(name, value)
        try:
            return Response(self.opener.open(request))
        except urllib.error.HTTPError as refusal:
            return Response(refusal)

    def get(self, url, **rest):
        return self.request("GET", url, **rest)

    def post(self, url, **rest):
        return self.request("POST", url, **rest)

    def delete(self, url, **rest):
        return self.request("DELETE", url, **rest)


def step(number, what):
    print("==", number, what)


def want(r, status, content=None):
    """What must have been answered; content is compared byte by byte."""
    if r.status_code != status or content is not None and r.content != content:
        raise SystemExit(f"walk-through: {r.status_code} {r.content}, want {status} {content}")


def must(what, fault):
    if not what:
        raise SystemExit(f"walk-through: {fault}")


def login():
    """A new session of alice's, and what the sign-in answered."""
    sess = Session()
    r = sess.post(URL + "/login/", data={"username": "alice", "password": "pass"})
    want(r, 200)
    return sess, r


def claims(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


VALID = b'{"msg": "Token is valid"}'
BLACKLISTED = b'{"msg": "Token successfully blacklisted."}'
NO_UPDATE = b'{"error": "Can\'t update refresh token."}'
NO_ACCESS = b'{"error": "Can\'t update access token."}'


def json_mode():
    step(1, "sign in")
    sess, r = login()
    must(list(r.json()) == ["refresh", "access"], f"keys {list(r.json())}")
    tokens = r.json()

    step(2, "validate the access token")
    sess.headers.update({"AUTHORIZATION": f'Bearer {tokens["access"]}'})
    want(sess.post(URL + "/validate_access/"), 200, VALID)

    step(3, "a new access token")
    sess.headers.update({"AUTHORIZATION": f'Bearer {tokens["refresh"]}'})
    r = sess.post(REFRESH + "/refresh_access/", headers={"REFERER": URL})
    want(r, 200)
    must(claims(r.json()["refresh"]) == claims(tokens["refresh"]), "the refresh token says something else")

    step(4, "a new refresh token")
    r = sess.post(REFRESH + "/update_refresh/")
    want(r, 200)
    must(list(r.json()) == ["refresh", "access"], f"keys {list(r.json())}")
    must(claims(r.json()["refresh"])["jti"] == claims(tokens["refresh"])["jti"], "another jti")

    step(5, "sign out")
    want(sess.post(REFRESH + "/logout/"), 200, BLACKLISTED)

    step(6, "and again")
    want(sess.post(REFRESH + "/logout/"), 409, b'{"error": "Input jti token is already blacklisted."}')
    want(sess.post(REFRESH + "/update_refresh/"), 500, NO_UPDATE)
    want(sess.post(REFRESH + "/refresh_access/"), 500, NO_ACCESS)

    step(18, "DELETE")
    sess, r = login()
    sess.headers.update({"AUTHORIZATION": f'Bearer {r.json()["refresh"]}'})
    want(sess.delete(REFRESH + "/logout/"), 204, b"")


def cookie_modes(two):
    step(8 if two else 7, "sign in")
    sess, r = login()
    want(r, 200, b'{"msg": "Tokens successfully created."}')
    names = ["jwt_access_payload", "jwt_access_token"] if two else ["jwt_access"]
    must(sorted(sess.cookies.keys()) == ["csrftoken", *names, "jwt_refresh"], f"cookies {sorted(sess.cookies.keys())}")
    if two:
        step(9, "the payload")
        payload = base64.b64decode(sess.cookies["jwt_access_payload"], validate=True)
        must(payload == json.dumps(json.loads(payload), sort_keys=True).encode(), payload)
        must(json.loads(payload) == claims(sess.cookies["jwt_access_token"]), "the token says something else")
        must(json.loads(payload)["user"] == {"id": 1, "perms": [], "username": "alice"}, payload)

    step(10, "validate the access token")
    sess.headers.update({"X-CSRFToken": sess.cookies["csrftoken"]})
    want(sess.post(URL + "/validate_access/", headers={"REFERER": URL}), 200, VALID)

    step(11, "what is no page of this server")
    want(sess.post(URL + "/validate_access/"), 403)
    want(sess.post(URL + "/validate_access/", headers={"REFERER": "https://evil.test"}), 403)
    want(sess.post(URL + "/validate_access/", headers={"REFERER": URL, "X-CSRFToken": ""}), 403)

    def refresh(method, path):
        return sess.request(method, REFRESH + path, headers={"REFERER": URL}, data={"jwt_type": "refresh"})

    step(12, "validate the refresh token")
    want(refresh("POST", "/validate_refresh/"), 200, VALID)

    step(13, "new tokens")
    want(refresh("POST", "/refresh_access/"), 200, b'{"msg": "Access token successfully refreshed."}')
    want(refresh("POST", "/update_refresh/"), 200, b'{"msg": "Refresh token successfully updated."}')

    step(14, "sign out")
    want(refresh("POST", "/logout/"), 200, BLACKLISTED)

    step(15, "and go on")
    want(refresh("POST", "/update_refresh/"), 500, NO_UPDATE)
    want(refresh("POST", "/refresh_access/"), 500, NO_ACCESS)

    step(16, "delete the cookies")
    want(refresh("DELETE", "/logout/"), 200, b'{"msg": "Tokens successfully deleted."}')
    must(list(sess.cookies.keys()) == ["csrftoken"], f"cookies {list(sess.cookies.keys())}")

    step(17, "and go on")
    want(refresh("POST", "/update_refresh/"), 403, b'{"error": "Cookie \\"jwt_refresh\\" cannot be empty."}')


def views():
    step(19, "a protected view, without signing in")
    r = Session().get(URL + "/testapp/protect/")
    want(r, 403, b'{"error": "Cookie \\"jwt_access_token\\" cannot be empty."}')

    step(20, "a protected view")
    sess, _ = login()
    want(sess.get(URL + "/testapp/protect/"), 200, b"worked!")

    step(21, "a view that needs a permission")
    want(sess.get(URL + "/testapp/perms_protect/"), 403, b'{"error": "Invalid permissions for jwt token."}')

    step(22, "with the permission")
    permit("perm1")
    sess, _ = login()
    want(sess.get(URL + "/testapp/perms_protect/"), 200, b"perms also worked!")
    payload = base64.b64decode(sess.cookies["jwt_access_payload"])
    must(json.loads(payload)["user"]["perms"] == ["perm1"], payload)
    permit("")


def permit(permission):
    command = [os.environ.get("W", "watchword"), "user", "set", "alice", "--permission", permission, "--db", os.environ["DB"]]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def main():
    sess, _ = login()
    if not sess.cookies:
        json_mode()
    else:
        two = "jwt_access_payload" in sess.cookies
        cookie_modes(two)
        if two:
            views()

    step(24, "a wrong password")
    r = Session().post(URL + "/login/", data={"username": "alice", "password": "wrong"})
    want(r, 401)
    must(r.headers["WWW-Authenticate"] == "Bearer realm=api", r.headers)
    must(list(json.loads(r.json()["error"])) == ["__all__"], r.content)

    step(25, "the heading is no route")
    want(Session().post(URL + "/validate/"), 404)
    step("done", "")


main()
