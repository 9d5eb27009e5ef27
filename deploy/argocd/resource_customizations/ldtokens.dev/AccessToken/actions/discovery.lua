local deleting = obj.metadata.deletionTimestamp ~= nil
local suspended = obj.spec.suspend == true
-- Without a token there is no key to change: the first value only becomes what later ones are compared with.
local has_token = obj.status ~= nil and obj.status.token ~= nil

local actions = {}
actions["rotate"] = {
  ["disabled"] = deleting or suspended or not has_token,
  ["displayName"] = "Rotate: new key, the previous one works for the grace period",
  ["iconClass"] = "fa fa-fw fa-sync"
}
actions["revoke"] = {
  ["disabled"] = deleting or not has_token,
  ["displayName"] = "Revoke: new key, all older ones are cut off",
  ["iconClass"] = "fa fa-fw fa-ban"
}
actions["cut-off"] = {
  ["disabled"] = deleting or not has_token,
  ["displayName"] = "Cut off: every key ends at once, consumers stand still until the new one is there",
  ["iconClass"] = "fa fa-fw fa-skull-crossbones"
}
actions["suspend"] = {
  ["disabled"] = deleting or suspended,
  ["displayName"] = "Suspend",
  ["iconClass"] = "fa fa-fw fa-pause-circle"
}
actions["resume"] = {
  ["disabled"] = deleting or not suspended,
  ["displayName"] = "Resume",
  ["iconClass"] = "fa fa-fw fa-play-circle"
}
return actions
