-- LaunchDarklyAccount follows kstatus (https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md).
-- status.observedGeneration is written on every outcome, and is -1 before the operator has seen the object. Stalled and Reconciling
-- are only there while they are true, and never both: Stalled means that somebody has to change something, Reconciling that the
-- operator is at it, also when LaunchDarkly is away for a while.
local hs = {status = "Progressing", message = "Waiting for the operator to see this generation"}
if obj.status == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  return hs
end

local conditions = {}
for _, condition in ipairs(obj.status.conditions or {}) do
  conditions[condition.type] = condition
end
local function holds(type)
  return conditions[type] ~= nil and conditions[type].status == "True"
end

local ready = conditions["Ready"]
if ready ~= nil then
  hs.message = ready.reason .. ": " .. ready.message
end
if holds("Stalled") then
  hs.status = "Degraded"
elseif holds("Reconciling") then
  hs.status = "Progressing"
elseif holds("Ready") then
  hs.status = "Healthy"
  -- The account works; but many keys were lost at once, and those are not replaced before somebody has had a look, or an hour has passed.
  if holds("MassChange") then
    hs.message = "MassChange: " .. conditions["MassChange"].message
  end
end
return hs
