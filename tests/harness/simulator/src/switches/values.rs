//! The values switches take: enumerations with their names in JSON.

use serde_json::Value;

/// A value a switch can hold, and how it looks in JSON.
pub trait SwitchValue: Sized {
    /// Reads the value from JSON; `None` when it is not one of the allowed ones.
    fn read(value: &Value) -> Option<Self>;
    /// The value as JSON.
    fn write(&self) -> Value;
    /// The allowed values, for messages and for the test that wants a case for each of them.
    fn allowed() -> Vec<&'static str>;
}

impl SwitchValue for bool {
    fn read(value: &Value) -> Option<Self> {
        value.as_bool()
    }
    fn write(&self) -> Value {
        Value::Bool(*self)
    }
    fn allowed() -> Vec<&'static str> {
        vec!["true", "false"]
    }
}

impl SwitchValue for u64 {
    fn read(value: &Value) -> Option<Self> {
        value.as_u64()
    }
    fn write(&self) -> Value {
        Value::from(*self)
    }
    fn allowed() -> Vec<&'static str> {
        vec!["number"]
    }
}

/// An enumeration with its names in JSON; the first variant is the default.
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }

        impl SwitchValue for $name {
            fn read(value: &Value) -> Option<Self> {
                // Statuses may come as numbers.
                let number = value.as_u64().map(|number| number.to_string());
                match value.as_str().or(number.as_deref())? {
                    $($text => Some(Self::$variant),)+
                    _ => None,
                }
            }
            fn write(&self) -> Value {
                Value::from(match self { $(Self::$variant => $text,)+ })
            }
            fn allowed() -> Vec<&'static str> {
                vec![$($text,)+]
            }
        }
    };
}

choice! {
    /// Which time and instance the simulator resembles.
    Profile {
        /// `expiry` on tokens, all rate-limit headers, reset deprecated but working.
        October2026 = "2026-10",
        /// No `expiry`: ignored when sent, never returned; only the older rate-limit headers.
        Year2024 = "2024",
        /// As `2026-10`, but the reset route is gone.
        ResetRemoved = "reset-removed",
    }
}
choice! {
    /// What `customRoleIds` may hold on create.
    RoleNamesPost {
        /// Role keys and role IDs.
        KeysAndIds = "keys+ids",
        /// Role keys only.
        KeysOnly = "keys-only",
    }
}
choice! {
    /// What `customRoleIds` may hold in a patch.
    RoleNamesPatch {
        /// Role IDs only.
        IdsOnly = "ids-only",
        /// Role keys and role IDs.
        KeysAndIds = "keys+ids",
    }
}
choice! {
    /// What happens to a token with two kinds of role.
    RoleConflict {
        /// 400 `invalid_request`.
        Refuse = "400",
        /// The first of role, customRoleIds, inlineRole counts.
        FirstWins = "first-wins",
    }
}
choice! {
    /// What happens to a token with no kind of role.
    RoleMissing {
        /// 400 `invalid_request`.
        Refuse = "400",
        /// It becomes a reader.
        Reader = "reader",
        /// It gets the rights of the token that creates it.
        Creator = "creator",
    }
}
choice! {
    /// The answer to a patch of a service token's role, custom roles or inline role.
    ServiceTokenPolicyPatch {
        /// 400 `invalid_request`.
        BadRequest = "400",
        /// 403 naming `updateAccessTokenPolicy`.
        Forbidden = "403",
        /// 200, and the rights stay as they were.
        Silent = "silent",
    }
}
choice! {
    /// What happens when a token is created with more rights than its creator.
    RightsAboveCreator {
        /// Created as asked; calls above the creator's rights are refused.
        Cap = "cap",
        /// 403.
        Forbidden = "403",
        /// 400.
        BadRequest = "400",
    }
}
choice! {
    /// A patch that removes a member that is not there.
    RemoveMissing {
        /// 422 `patch_failed`.
        Fail = "422",
        /// Nothing happens.
        Accept = "accept",
    }
}
choice! {
    /// A patch of a path that no token has.
    UnknownPath {
        /// Nothing happens.
        Ignore = "ignore",
        /// 422 `patch_failed`.
        Fail = "422",
    }
}
choice! {
    /// A failing `test` in a patch.
    TestFail {
        /// 422 `patch_failed`.
        Fail = "422",
        /// 409 `optimistic_locking_error`.
        Conflict = "409",
    }
}
choice! {
    /// Clearing `expiry` by remove, null or 0.
    ExpiryClear {
        /// 400 `invalid_request`.
        Refuse = "400",
        /// The token never expires afterwards.
        Allow = "allow",
    }
}
choice! {
    /// The farthest `expiry`.
    ExpiryMax {
        /// Ten years ahead.
        TenYears = "ten-years",
        /// Any time ahead.
        Unlimited = "none",
    }
}
choice! {
    /// What becomes of a token whose `expiry` has passed.
    ExpiredToken {
        /// It stays listed and counts against the limit.
        Listed = "listed",
        /// It disappears.
        Gone = "gone",
    }
}
choice! {
    /// What the reset route says about a `Content-Type` other than JSON.
    ResetContentType {
        /// Nothing.
        Lenient = "lenient",
        /// 400 `invalid_request`.
        BadRequest = "400",
        /// 415 `unsupported_media_type`.
        Unsupported = "415",
    }
}
choice! {
    /// Where the reset route looks for `expiry`.
    ExpirySource {
        /// The query.
        Query = "query",
        /// The JSON body.
        Body = "body",
        /// Either; the query wins.
        Either = "either",
    }
}
choice! {
    /// How many previous keys a token can have.
    PreviousKeys {
        /// One: a second reset ends the first previous key at once.
        One = "one",
        /// Any number.
        Many = "many",
    }
}
choice! {
    /// How a removed reset route answers (profile `reset-removed`).
    RemovedStatus {
        /// 404 `not_found`.
        NotFound = "404",
        /// 410 `gone`.
        Gone = "410",
    }
}
choice! {
    /// What a `limit` above 100 does.
    MaxLimit {
        /// It counts as 100.
        Clamp = "clamp",
        /// 400 `invalid_request`.
        Refuse = "400",
        /// It counts as asked.
        Unlimited = "none",
    }
}
choice! {
    /// The order of the token list.
    ListOrder {
        /// Oldest first.
        Ascending = "ascending",
        /// Newest first.
        Descending = "descending",
        /// Another one at each call.
        Unstable = "unstable",
    }
}
choice! {
    /// What `totalCount` says.
    TotalCount {
        /// The number of tokens on all pages.
        Total = "total",
        /// The number of tokens on this page.
        Page = "page",
        /// The field is absent.
        Absent = "absent",
    }
}
choice! {
    /// Which `_links` a list has.
    ListLinks {
        /// `self` and the paging links that apply.
        Paging = "self+paging",
        /// `self`.
        SelfOnly = "self",
        /// The field is absent.
        Absent = "none",
    }
}
choice! {
    /// How empty `customRoleIds` and `inlineRole` are written.
    EmptyArrays {
        /// `[]`.
        Brackets = "[]",
        /// The field is absent.
        Omitted = "omitted",
        /// `null`.
        Null = "null",
    }
}
choice! {
    /// How `inlineRole` comes back.
    Normalise {
        /// As it was sent.
        AsSent = "as-sent",
        /// Statements, actions and resources sorted.
        Sorted = "sorted",
        /// In another order at each answer.
        Shuffled = "shuffled",
    }
}
choice! {
    /// Whether error bodies carry `id`.
    ErrorId {
        /// They do, except 401, 403 and 429, which were observed without.
        Present = "present",
        /// They do not.
        Absent = "absent",
    }
}
choice! {
    /// The body of a 401.
    UnauthorizedBody {
        /// `Invalid account ID header`.
        AccountId = "Invalid account ID header",
        /// `Invalid access token`.
        AccessToken = "Invalid access token",
        /// `Invalid key` for a key that is none any more, `Invalid account ID header` for no key.
        Key = "Invalid key",
        /// No body.
        Empty = "empty",
    }
}
choice! {
    /// The answer when an account has all the service tokens it may have.
    LimitStatus {
        /// 403 `forbidden`.
        Forbidden = "403",
        /// 400 `invalid_request`.
        BadRequest = "400",
        /// 409 `optimistic_locking_error`.
        Conflict = "409",
    }
}
choice! {
    /// What happens to a description longer than `description.maxLength`.
    TooLong {
        /// Its end is cut off.
        Truncate = "truncate",
        /// 400 `invalid_request`.
        Refuse = "400",
    }
}
choice! {
    /// Whether error bodies carry `code`.
    ErrorCode {
        /// They do.
        Present = "present",
        /// They have a message alone.
        Absent = "absent",
    }
}
choice! {
    /// Whether caller-identity has `tokenId` and `memberId`.
    IdentityTokenId {
        /// For every token.
        Always = "always",
        /// For personal tokens only.
        PersonalOnly = "personal-only",
    }
}
