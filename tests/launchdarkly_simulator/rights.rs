//! The policies of the managing token, as `docs/managing-key.md` has them: enough for every call, and nothing in them is idle.

use std::fs;

use super::*;

/// The statements of every policy on the page that is marked with this name.
fn policies(name: &str) -> Vec<Vec<Statement>> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/managing-key.md");
    let text = fs::read_to_string(page).unwrap();
    let mark = format!("<!-- policy: {name} -->");
    let policies: Vec<_> = text.split(&mark).skip(1).map(policy).collect();
    assert!(!policies.is_empty(), "no policy {name}");
    policies
}

fn policy(after_mark: &str) -> Vec<Statement> {
    let (_, block) = after_mark.split_once("```json").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let statements: Vec<Value> = serde_json::from_str(block).unwrap();
    statements.iter().map(statement).collect()
}

fn statement(value: &Value) -> Statement {
    assert_eq!(value["effect"], "allow");
    let list = |name: &str| {
        let items = value[name].as_array().unwrap().iter();
        items
            .map(|item| item.as_str().unwrap().to_owned())
            .collect()
    };
    Statement {
        effect: Effect::Allow,
        resources: list("resources"),
        not_resources: Vec::new(),
        actions: list("actions"),
        not_actions: Vec::new(),
    }
}

/// An account, an administrator in it, and who manages tokens with what a policy allows.
struct Stage {
    running: Running,
    admin: HttpClient,
    service: bool,
}

impl Stage {
    async fn new(service: bool) -> Self {
        let mut config = Config::default();
        config.managing.service = service;
        let limits = ["rateLimits.global", "rateLimits.route", "rateLimits.token"];
        for limit in limits {
            config.switches.set(limit, &json!(0)).unwrap();
        }
        let running = simulator(config).await;
        let admin = client(&running);
        Self {
            running,
            admin,
            service,
        }
    }

    fn wish(&self, grant: ResolvedGrant) -> NewToken {
        NewToken {
            service_token: self.service,
            ..wish(grant)
        }
    }

    /// The actions that calls of the operator lack under this policy.
    async fn refused(&self, policy: &[Statement]) -> BTreeSet<String> {
        let managing = self.wish(ResolvedGrant::Inline(policy.to_vec()));
        let issued = self.admin.create(&managing).await.unwrap();
        let manager = client_with_key(&self.running, None, issued.key);
        let mut errors = Vec::new();
        let there = self.admin.create(&self.wish(reader())).await.unwrap().token;
        errors.extend(manager.identify().await.err());
        errors.extend(manager.list_all().await.err());
        errors.extend(manager.get(&there.id).await.outcome.err());
        errors.extend(manager.create(&self.wish(reader())).await.err());
        let renamed = NewToken {
            name: "renamed".to_owned(),
            ..self.wish(reader())
        };
        let mut patches = vec![
            patch_towards(&renamed, &there),
            vec![PatchOp::describe("another")],
            vec![PatchOp::expire_at(
                Timestamp::from_millisecond(self.running.simulator().now_ms()).unwrap() + HOUR,
            )],
        ];
        if !self.service {
            let widened = self.wish(ResolvedGrant::Inline(policy.to_vec()));
            patches.push(patch_towards(&widened, &there));
        }
        for patch in &patches {
            errors.extend(manager.patch(&there.id, patch).await.outcome.err());
        }
        errors.extend(manager.reset(&there.id, AN_HOUR).await.err());
        errors.extend(manager.delete(&there.id).await.err());
        let action = |error: ApiError| match error {
            ApiError::Forbidden { action, .. } => action,
            error => panic!("{error:?}"),
        };
        errors.into_iter().map(action).collect()
    }
}

#[tokio::test]
async fn the_documented_policies_are_enough_and_each_of_their_actions_is_needed() {
    for (name, service) in [("service", true), ("personal", false)] {
        let stage = Stage::new(service).await;
        for policy in policies(name) {
            assert_eq!(stage.refused(&policy).await, BTreeSet::new(), "{name}");
            let managing = &policy[0];
            for action in &managing.actions {
                let mut less = policy.clone();
                less[0].actions.retain(|one| one != action);
                let refused = stage.refused(&less).await;
                assert_eq!(refused, BTreeSet::from([action.clone()]), "{name}");
            }
        }
    }
}
