// The steps that both npm clients are driven through. A client is given as a function from a key
// to { list, create, get, patch, remove, reset }, whose promises fail with { status, body }, and as
// one to { versions, role, roles, audit }.
//
// Expects SIMULATOR_URL, SIMULATOR_KEY and CLIENTS, the folder with node_modules. Prints a line for
// each step; the exit code is the number of steps that failed.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';

export const url = process.env.SIMULATOR_URL;
export const load = createRequire(join(process.env.CLIENTS, 'index.js'));

const KEY = process.env.SIMULATOR_KEY;
const NOWHERE = '000000000000000000000000';
const STATEMENT = { effect: 'allow', resources: ['proj/web:env/*:flag/*'], actions: ['updateOn'] };
const RENAME = [{ op: 'replace', path: '/name', value: 'renamed' }];
const HOUR = 3_600_000;

const ROUTES = {
  list: ['GET', '/api/v2/tokens'],
  create: ['POST', '/api/v2/tokens'],
  get: ['GET', '/api/v2/tokens/{id}'],
  patch: ['PATCH', '/api/v2/tokens/{id}'],
  remove: ['DELETE', '/api/v2/tokens/{id}'],
  reset: ['POST', '/api/v2/tokens/{id}/reset'],
};

async function admin(method, path, body) {
  const answer = await fetch(`${url}/admin${path}`, { method, body: JSON.stringify(body) });
  assert.equal(answer.status, 200, await answer.text());
}

/** The status with which a key is answered, asked without any client. */
async function statusOf(key) {
  const headers = { Authorization: key };
  return (await fetch(`${url}/api/v2/caller-identity`, { headers })).status;
}

async function refuses(status, code, call) {
  await assert.rejects(call, (error) => {
    assert.deepEqual([error.status, error.body?.code], [status, code]);
    assert.ok(error.body.message);
    return true;
  });
}

export async function run(connect, others) {
  const client = connect(KEY);
  const wish = (over = {}) => ({ name: 'node', serviceToken: true, role: 'reader', ...over });
  const made = () => client.create(wish());
  const calls = (by, id) => ({
    list: () => by.list(),
    create: () => by.create(wish()),
    get: () => by.get(id),
    patch: () => by.patch(id, RENAME),
    remove: () => by.remove(id),
    reset: () => by.reset(id),
  });
  const faulty = async (status, code, name) => {
    const call = calls(client, (await made())._id)[name];
    const [method, route] = ROUTES[name];
    await admin('POST', '/faults', { kind: 'status', status, method, route });
    await refuses(status, code, call);
  };

  const steps = {
    'create token': async () => {
      const { role, ...inline } = wish({ inlineRole: [STATEMENT], description: 'd' });
      const token = await client.create(inline);
      assert.match(token.token, /^api-[0-9a-f-]{36}$/);
      assert.equal(token.serviceToken, true);
      assert.deepEqual({ ...token.inlineRole[0] }, STATEMENT);
      assert.equal(await statusOf(token.token), 200);
    },
    'list tokens': async () => {
      const token = await made();
      const list = await client.list({ showAll: true });
      assert.ok(list.items.some((other) => other._id === token._id));
    },
    'get token': async () => {
      const token = await made();
      const seen = await client.get(token._id);
      assert.deepEqual([seen.token, seen.role], [token.token.slice(-4), 'reader']);
    },
    'patch token': async () => {
      const token = await made();
      const seen = await client.patch(token._id, RENAME);
      assert.deepEqual([seen.name, seen.token], ['renamed', token.token.slice(-4)]);
    },
    'reset token': async () => {
      const token = await made();
      const first = await client.reset(token._id, Date.now() + HOUR);
      assert.equal(first._id, token._id);
      assert.deepEqual([await statusOf(token.token), await statusOf(first.token)], [200, 200]);
      const second = await client.reset(token._id);
      assert.deepEqual([await statusOf(first.token), await statusOf(second.token)], [401, 200]);
    },
    'delete token': async () => {
      const token = await made();
      await client.remove(token._id);
      assert.equal(await statusOf(token.token), 401);
      await refuses(404, 'not_found', () => client.get(token._id));
    },
    'versions, roles and audit log': async () => {
      assert.equal((await others(KEY).versions()).currentVersion, 20240415);
      const role = await others(KEY).role('deployer');
      const token = await client.create({ serviceToken: true, customRoleIds: ['deployer'] });
      assert.deepEqual([...token.customRoleIds], [role._id]);
      assert.equal((await others(KEY).roles()).items.length, 1);
      const entries = (await others(KEY).audit()).items;
      assert.equal(entries[0].accesses[0].action, 'createAccessToken');
    },
    'create token 400': () =>
      refuses(400, 'invalid_request', () => client.create(wish({ inlineRole: [STATEMENT] }))),
    'patch token 400': async () => {
      const { _id } = await made();
      const fixed = [{ op: 'replace', path: '/serviceToken', value: false }];
      await refuses(400, 'invalid_request', () => client.patch(_id, fixed));
    },
    'patch token 409': async () => {
      const { _id } = await made();
      await admin('PATCH', '/switches', { 'patch.testFail': '409' });
      const guarded = [{ op: 'test', path: '/name', value: 'other' }, ...RENAME];
      await refuses(409, 'optimistic_locking_error', () => client.patch(_id, guarded));
    },
    'patch token 422': async () => {
      const { _id } = await made();
      const absent = [{ op: 'remove', path: '/inlineRole' }];
      await refuses(422, 'patch_failed', () => client.patch(_id, absent));
    },
  };
  const reader = connect((await made()).token);
  for (const name of Object.keys(ROUTES)) {
    steps[`${name} 401`] = () =>
      refuses(401, 'unauthorized', calls(connect('api-nonsense'), NOWHERE)[name]);
    steps[`${name} 403`] = async () =>
      ['list', 'get'].includes(name)
        ? faulty(403, 'forbidden', name)
        : refuses(403, 'forbidden', calls(reader, (await made())._id)[name]);
    if (!['list', 'create'].includes(name)) {
      steps[`${name} 404`] = () => refuses(404, 'not_found', calls(client, NOWHERE)[name]);
    }
    steps[`${name} 429`] = () => faulty(429, 'rate_limited', name);
  }

  let failed = 0;
  for (const [name, step] of Object.entries(steps)) {
    try {
      await step();
      console.log(`pass ${name}`);
    } catch (error) {
      failed += 1;
      console.log(`FAIL ${name}: ${error?.stack ?? JSON.stringify(error)}`);
    }
  }
  process.exitCode = Math.min(failed, 100);
}
