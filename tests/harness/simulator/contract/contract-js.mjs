// Drives the simulator with LaunchDarkly's JavaScript client (see steps.mjs).

import { load, run, url } from './steps.mjs';

const { AccessTokensApi, ApiClient, AuditLogApi, CustomRolesApi, OtherApi } =
  load('launchdarkly-api');

function api(Kind, key) {
  const client = new ApiClient();
  client.basePath = url;
  client.authentications.ApiKey.apiKey = key;
  return new Kind(client);
}

/** Calls a method whose last argument is a callback. */
function call(target, method, ...given) {
  return new Promise((resolve, reject) => {
    target[method](...given, (error, result) => {
      if (!error) {
        resolve(result);
      } else {
        const { status, response } = error;
        reject(status ? { status, body: response?.body } : error);
      }
    });
  });
}

function connect(key) {
  const tokens = api(AccessTokensApi, key);
  return {
    list: (options = {}) => call(tokens, 'getTokens', options),
    create: (body) => call(tokens, 'postToken', body),
    get: (id) => call(tokens, 'getToken', id),
    patch: (id, operations) => call(tokens, 'patchToken', id, operations),
    remove: (id) => call(tokens, 'deleteToken', id),
    reset: (id, expiry) => call(tokens, 'resetToken', id, { expiry }),
  };
}

function others(key) {
  const roles = api(CustomRolesApi, key);
  return {
    versions: () => call(api(OtherApi, key), 'getVersions'),
    role: (name) => call(roles, 'getCustomRole', name),
    roles: () => call(roles, 'getCustomRoles'),
    audit: () => call(api(AuditLogApi, key), 'getAuditLogEntries', {}),
  };
}

await run(connect, others);
