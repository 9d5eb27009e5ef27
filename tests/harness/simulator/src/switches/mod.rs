//! The switches: everything about the remote API that is unknown or changes between instances.

mod values;

use serde_json::{Map, Value};

pub use values::*;

macro_rules! switches {
    ($($(#[$doc:meta])* $field:ident: $type:ty = $name:literal, $default:expr;)+) => {
        /// Every switch with its present value. In JSON a flat object of the names given below.
        #[derive(Debug, Clone, PartialEq)]
        pub struct Switches { $($(#[$doc])* pub $field: $type,)+ }

        impl Default for Switches {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        impl Switches {
            /// Every switch by name, with the values it allows (`number` for any whole number).
            #[must_use]
            pub fn catalogue() -> Vec<(&'static str, Vec<&'static str>)> {
                vec![$(($name, <$type as SwitchValue>::allowed()),)+]
            }

            /// All switches as a flat JSON object.
            #[must_use]
            pub fn to_json(&self) -> Value {
                let mut all = Map::new();
                $(all.insert($name.to_owned(), self.$field.write());)+
                Value::Object(all)
            }

            /// Sets one switch.
            ///
            /// # Errors
            /// A sentence naming the switches, or the values this switch allows.
            pub fn set(&mut self, name: &str, value: &Value) -> Result<(), String> {
                match name {
                    $($name => {
                        self.$field = <$type as SwitchValue>::read(value)
                            .ok_or_else(|| refused_value(name, value, &<$type as SwitchValue>::allowed()))?;
                    })+
                    _ => {
                        let names: Vec<_> = Self::catalogue().into_iter().map(|(name, _)| name).collect();
                        return Err(format!("there is no switch {name}; there are {}", names.join(", ")));
                    }
                }
                Ok(())
            }
        }
    };
}

switches! {
    /// Which time and instance the simulator resembles.
    profile: Profile = "profile", Profile::October2026;
    /// What `customRoleIds` may hold on create (keys observed, IDs inferred).
    custom_role_ids_post: RoleNamesPost = "customRoleIds.post", RoleNamesPost::KeysAndIds;
    /// What `customRoleIds` may hold in a patch (IDs observed, keys unknown).
    custom_role_ids_patch: RoleNamesPatch = "customRoleIds.patch", RoleNamesPatch::IdsOnly;
    /// Two kinds of role at once (refusal observed, its status unknown).
    role_conflict: RoleConflict = "roleConflict", RoleConflict::Refuse;
    /// No kind of role (unknown).
    role_missing: RoleMissing = "roleMissing", RoleMissing::Refuse;
    /// A patch of a service token's rights (impossible as documented; the answer is unknown).
    service_token_policy_patch: ServiceTokenPolicyPatch = "serviceTokenPolicyPatch", ServiceTokenPolicyPatch::BadRequest;
    /// A new token with more rights than its creator (unknown which).
    rights_above_creator: RightsAboveCreator = "rightsAboveCreator", RightsAboveCreator::Cap;
    /// `remove` of a missing member (422, observed).
    patch_remove_missing: RemoveMissing = "patch.removeMissing", RemoveMissing::Fail;
    /// A path no token has (unknown).
    patch_unknown_path: UnknownPath = "patch.unknownPath", UnknownPath::Ignore;
    /// A failing `test` (unknown which status).
    patch_test_fail: TestFail = "patch.testFail", TestFail::Fail;
    /// Clearing `expiry` (unknown; refused by a sibling of the API).
    expiry_clear: ExpiryClear = "expiry.clear", ExpiryClear::Refuse;
    /// The farthest `expiry` (unknown; ten years at a sibling of the API).
    expiry_max: ExpiryMax = "expiry.max", ExpiryMax::TenYears;
    /// Whether an expired token stays listed and counts (unknown).
    expired_token: ExpiredToken = "expiredToken", ExpiredToken::Listed;
    /// Whether a reset needs a JSON `Content-Type` (needed once, observed).
    reset_content_type: ResetContentType = "reset.contentType", ResetContentType::Lenient;
    /// Where a reset takes `expiry` from (query documented, body observed).
    reset_expiry_source: ExpirySource = "reset.expirySource", ExpirySource::Query;
    /// How many previous keys live on side by side (unknown).
    reset_previous_keys: PreviousKeys = "reset.previousKeys", PreviousKeys::One;
    /// How the removed reset route answers in profile `reset-removed` (unknown).
    reset_removed_status: RemovedStatus = "reset.removedStatus", RemovedStatus::NotFound;
    /// What a `limit` above 100 does (unknown).
    list_max_limit: MaxLimit = "list.maxLimit", MaxLimit::Clamp;
    /// The order of the list (unknown).
    list_order: ListOrder = "list.order", ListOrder::Ascending;
    /// Milliseconds by which the list lags behind writes (unknown). A read of one token never does
    /// (the provider of Terraform reads at once what it wrote, observed).
    list_lag: u64 = "list.lag", 0;
    /// What `totalCount` says (unknown).
    list_total_count: TotalCount = "list.totalCount", TotalCount::Total;
    /// Which links a list has (unknown).
    list_links: ListLinks = "list.links", ListLinks::Paging;
    /// How empty arrays are written (all three are possible).
    arrays_empty: EmptyArrays = "arrays.empty", EmptyArrays::Brackets;
    /// How an inline role comes back (unknown).
    inline_role_normalise: Normalise = "inlineRole.normalise", Normalise::AsSent;
    /// Whether error bodies carry `id` (documented in prose only).
    error_id: ErrorId = "error.id", ErrorId::Present;
    /// Whether error bodies carry `code` (bodies without it were observed on another route).
    error_code: ErrorCode = "error.code", ErrorCode::Present;
    /// Whether caller-identity names the token and its member (one answer without was observed for
    /// a service token).
    identity_token_id: IdentityTokenId = "callerIdentity.tokenId", IdentityTokenId::Always;
    /// The body of a 401 (all of them observed or documented).
    unauthorized_body: UnauthorizedBody = "401.body", UnauthorizedBody::AccountId;
    /// How many service tokens the account may have (200 documented).
    token_limit: u64 = "tokenLimit", 200;
    /// The answer above that limit (unknown).
    token_limit_status: LimitStatus = "tokenLimit.status", LimitStatus::Forbidden;
    /// Whether names are unique; a duplicate then gets 409 (inferred: no).
    name_unique: bool = "nameUnique", false;
    /// The longest description in characters; 0 is no limit (unknown).
    description_max_length: u64 = "description.maxLength", 0;
    /// What happens to a longer one (unknown).
    description_too_long: TooLong = "description.tooLong", TooLong::Truncate;
    /// Whether the plan includes custom roles; without, asking for them is refused with 403.
    plan_custom_roles: bool = "plan.customRoles", true;
    /// Whether the plan includes inline roles; without, asking for one is refused with 403.
    plan_inline_roles: bool = "plan.inlineRoles", true;
    /// Whether the plan includes service tokens; without, asking for one is refused with 403.
    plan_service_tokens: bool = "plan.serviceTokens", true;
    /// Length of a rate-limit window in milliseconds (10 s documented).
    rate_window_ms: u64 = "rateLimits.windowMs", 10_000;
    /// Calls per window of all tokens; 0 is no limit (the size is unknown).
    rate_global: u64 = "rateLimits.global", 300;
    /// Calls per window, verb and URL pattern; 0 is no limit (the size is unknown).
    rate_route: u64 = "rateLimits.route", 100;
    /// Calls per window of one token; 0 is no limit (the size is unknown).
    rate_token: u64 = "rateLimits.token", 300;
    /// Whether answers carry the headers of the global family.
    headers_global: bool = "rateLimits.headers.global", true;
    /// Whether answers carry the headers of the route family.
    headers_route: bool = "rateLimits.headers.route", true;
    /// Whether answers carry the headers of the access-token family.
    headers_token: bool = "rateLimits.headers.token", true;
    /// Whether a 429 carries `Retry-After`.
    headers_retry_after: bool = "rateLimits.headers.retryAfter", false;
}

impl Switches {
    /// Sets several switches; all of them or, on the first mistake, none.
    ///
    /// # Errors
    /// A sentence about the first switch that does not exist or does not take its value.
    pub fn merge(&mut self, changes: &Value) -> Result<(), String> {
        let changes = changes.as_object().ok_or("switches are a JSON object")?;
        let mut next = self.clone();
        for (name, value) in changes {
            next.set(name, value)?;
        }
        *self = next;
        Ok(())
    }

    /// Sets one switch from text as a command line has it: `name=value`.
    ///
    /// # Errors
    /// A sentence as of [`Switches::set`].
    pub fn set_text(&mut self, text: &str) -> Result<(), String> {
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| format!("{text} is not of the form name=value"))?;
        let text_value = Value::from(value);
        let typed = serde_json::from_str(value).unwrap_or_else(|_| text_value.clone());
        // "400" is a word for some switches and a number for others.
        self.set(name, &text_value)
            .or_else(|_| self.set(name, &typed))
    }

    /// Whether tokens have `expiry` in this profile.
    #[must_use]
    pub fn knows_expiry(&self) -> bool {
        self.profile != Profile::Year2024
    }
}

fn refused_value(name: &str, value: &Value, allowed: &[&str]) -> String {
    format!("{name} cannot be {value}; it takes {}", allowed.join(", "))
}
