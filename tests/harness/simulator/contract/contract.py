"""Drives the simulator with LaunchDarkly's Python client, whose models are strict.

Expects SIMULATOR_URL and SIMULATOR_KEY. Prints a line for each step; the exit code is the number
of steps that failed.
"""

import json
import os
import sys
import time
import urllib.request
import warnings

import launchdarkly_api
from launchdarkly_api import AccessTokenPost, PatchOperation, StatementPost

URL = os.environ["SIMULATOR_URL"]
KEY = os.environ["SIMULATOR_KEY"]
NOWHERE = "000000000000000000000000"
STATEMENT = {"effect": "allow", "resources": ["proj/web:env/*:flag/*"], "actions": ["updateOn"]}

# The client says that reset is deprecated.
warnings.simplefilter("ignore", DeprecationWarning)


def api(kind, key=KEY):
    configuration = launchdarkly_api.Configuration(host=URL)
    configuration.api_key["ApiKey"] = key
    return kind(launchdarkly_api.ApiClient(configuration))


def tokens(key=KEY):
    return api(launchdarkly_api.AccessTokensApi, key)


def admin(method, path, body):
    data = json.dumps(body).encode()
    request = urllib.request.Request(f"{URL}/admin{path}", data=data, method=method)
    urllib.request.urlopen(request, timeout=10).close()


def post(**fields):
    wish = {"name": "python", "service_token": True, "role": "reader", **fields}
    return AccessTokenPost(**{name: value for name, value in wish.items() if value is not None})


def operation(op, path, value=None):
    return PatchOperation(op=op, path=path, value=value)


def rename(name="renamed"):
    return [operation("replace", "/name", name)]


def identity(key):
    return api(launchdarkly_api.OtherApi, key).get_caller_identity()


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def refuses(status, code, call):
    try:
        call()
    except launchdarkly_api.ApiException as error:
        body = json.loads(error.body)
        expect(error.status == status, f"status {error.status}, not {status}")
        expect(body["code"] == code, f"code {body['code']}, not {code}")
        expect(body["message"], "no message")
        expect(error.data is not None, "the answer does not fit the error's model")
    else:
        raise AssertionError(f"no {status}")


def create_token():
    expiry = int(time.time() * 1000) + 3_600_000
    wish = post(role=None, inline_role=[StatementPost(**STATEMENT)], expiry=expiry, description="d")
    token = tokens().post_token(wish)
    expect(token.token.startswith("api-") and len(token.token) == 40, "no whole key")
    expect(token.expiry == expiry and token.service_token, "expiry or kind differs")
    expect(token.inline_role[0].to_dict() == STATEMENT, "inline role differs")
    expect(identity(token.token).token_id == token.id, "the key is somebody else's")


def create_token_with_custom_role():
    role = api(launchdarkly_api.CustomRolesApi).get_custom_role("deployer")
    token = tokens().post_token(post(role=None, custom_role_ids=["deployer"]))
    expect(token.custom_role_ids == [role.id], "the role's ID is not answered")
    expect(token.role is None, "a role besides the custom role")


def get_tokens():
    made = [tokens().post_token(post(name=f"page {number}")).id for number in range(3)]
    seen = []
    while True:
        page = tokens().get_tokens(show_all=True, limit=2, offset=len(seen))
        seen += [token.id for token in page.items]
        if len(seen) >= page.total_count:
            break
    expect(set(made) <= set(seen) and len(seen) == len(set(seen)), "pages miss tokens")


def get_token():
    made = tokens().post_token(post())
    seen = tokens().get_token(made.id)
    expect(seen.token == made.token[-4:], "not the last four characters")
    expect(seen.role == "reader" and seen.name == "python", "fields differ")


def patch_token():
    made = tokens().post_token(post())
    seen = tokens().patch_token(made.id, rename())
    expect(seen.name == "renamed" and seen.token == made.token[-4:], "fields differ")


def reset_token():
    made = tokens().post_token(post())
    until = int(time.time() * 1000) + 3_600_000
    first = tokens().reset_token(made.id, expiry=until)
    expect(first.id == made.id and len(first.token) == 40, "no new key")
    for key in (made.token, first.token):
        expect(identity(key).token_id == made.id, "a key does not work during the overlap")
    second = tokens().reset_token(made.id)
    refuses(401, "unauthorized", lambda: tokens(first.token).get_tokens())
    expect(identity(second.token).token_id == made.id, "the newest key does not work")


def delete_token():
    made = tokens().post_token(post())
    tokens().delete_token(made.id)
    refuses(404, "not_found", lambda: tokens().get_token(made.id))
    refuses(401, "unauthorized", lambda: tokens(made.token).get_tokens())


def other_apis():
    expect(api(launchdarkly_api.OtherApi).get_versions().current_version == 20240415, "version")
    expect(len(api(launchdarkly_api.CustomRolesApi).get_custom_roles().items) == 1, "roles")
    entries = api(launchdarkly_api.AuditLogApi).get_audit_log_entries(spec="service-token/*")
    expect(entries.items[0].accesses[0].action == "deleteAccessToken", "audit log")


def calls(key):
    """The six operations on a token that exists, as (name, call)."""
    client = tokens(key)
    target = tokens().post_token(post()).id
    return calls_on(client, target)


def calls_on(client, target):
    return {
        "get_tokens": lambda: client.get_tokens(),
        "post_token": lambda: client.post_token(post()),
        "get_token": lambda: client.get_token(target),
        "patch_token": lambda: client.patch_token(target, rename()),
        "delete_token": lambda: client.delete_token(target),
        "reset_token": lambda: client.reset_token(target),
    }


ROUTES = {
    "get_tokens": ("GET", "/api/v2/tokens"),
    "post_token": ("POST", "/api/v2/tokens"),
    "get_token": ("GET", "/api/v2/tokens/{id}"),
    "patch_token": ("PATCH", "/api/v2/tokens/{id}"),
    "delete_token": ("DELETE", "/api/v2/tokens/{id}"),
    "reset_token": ("POST", "/api/v2/tokens/{id}/reset"),
}


def faulty(status, code, name):
    call = calls(KEY)[name]
    method, route = ROUTES[name]
    fault = {"kind": "status", "status": status, "method": method, "route": route}
    admin("POST", "/faults", fault)
    refuses(status, code, call)


def conflict():
    target = tokens().post_token(post()).id
    admin("PATCH", "/switches", {"patch.testFail": "409"})
    guarded = [operation("test", "/name", "somebody else's"), *rename()]
    refuses(409, "optimistic_locking_error", lambda: tokens().patch_token(target, guarded))
    admin("PATCH", "/switches", {"patch.testFail": "422"})


def steps():
    for step in (create_token, create_token_with_custom_role, get_tokens, get_token, patch_token,
                 reset_token, delete_token, other_apis):
        yield step.__name__, step
    reader = tokens().post_token(post()).token
    target = tokens().post_token(post()).id
    both = post(role="reader", inline_role=[StatementPost(**STATEMENT)])
    yield "post_token 400", lambda: refuses(
        400, "invalid_request", lambda: tokens().post_token(both))
    yield "patch_token 400", lambda: refuses(
        400, "invalid_request",
        lambda: tokens().patch_token(target, [operation("replace", "/serviceToken", False)]))
    for name in ROUTES:
        yield f"{name} 401", lambda name=name: refuses(
            401, "unauthorized", calls("api-nonsense")[name])
    for name in ("post_token", "patch_token", "delete_token", "reset_token"):
        yield f"{name} 403", lambda name=name: refuses(403, "forbidden", calls(reader)[name])
    for name in ("get_tokens", "get_token"):
        yield f"{name} 403", lambda name=name: faulty(403, "forbidden", name)
    for name in ("get_token", "patch_token", "delete_token", "reset_token"):
        yield f"{name} 404", lambda name=name: refuses(
            404, "not_found", calls_on(tokens(), NOWHERE)[name])
    yield "patch_token 409", conflict
    yield "patch_token 422", lambda: refuses(
        422, "patch_failed",
        lambda: tokens().patch_token(target, [operation("remove", "/inlineRole")]))
    for name in ROUTES:
        yield f"{name} 429", lambda name=name: faulty(429, "rate_limited", name)


def main():
    failed = 0
    for name, step in steps():
        try:
            step()
        except Exception as error:  # whatever went wrong, the step failed
            failed += 1
            print(f"FAIL {name}: {error!r}")
        else:
            print(f"pass {name}")
    sys.exit(min(failed, 100))


main()
