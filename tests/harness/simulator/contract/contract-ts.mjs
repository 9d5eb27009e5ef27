// Drives the simulator with LaunchDarkly's TypeScript client (see steps.mjs).

import { load, run, url } from './steps.mjs';

const { AccessTokensApi, AuditLogApi, Configuration, CustomRolesApi, OtherApi } = load(
  'launchdarkly-api-typescript',
);

async function data(promise) {
  try {
    return (await promise).data;
  } catch (error) {
    throw error.response ? { status: error.response.status, body: error.response.data } : error;
  }
}

const configuration = (apiKey) => new Configuration({ basePath: url, apiKey });

function connect(key) {
  const api = new AccessTokensApi(configuration(key));
  return {
    list: ({ showAll, limit, offset } = {}) => data(api.getTokens(showAll, limit, offset)),
    create: (body) => data(api.postToken(body)),
    get: (id) => data(api.getToken(id)),
    patch: (id, operations) => data(api.patchToken(id, operations)),
    remove: (id) => data(api.deleteToken(id)),
    reset: (id, expiry) => data(api.resetToken(id, expiry)),
  };
}

function others(key) {
  const roles = new CustomRolesApi(configuration(key));
  return {
    versions: () => data(new OtherApi(configuration(key)).getVersions()),
    role: (name) => data(roles.getCustomRole(name)),
    roles: () => data(roles.getCustomRoles()),
    audit: () => data(new AuditLogApi(configuration(key)).getAuditLogEntries()),
  };
}

await run(connect, others);
