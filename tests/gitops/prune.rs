//! Pruning in any order ends, and leaves nothing behind at LaunchDarkly.

use rig::{object, wait};
use serde_json::{Value, json};

use crate::stage::{PATIENCE, apply, cluster_account, credential, list, stage};

/// What is pruned.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Account,
    Token,
    Credential,
    Namespace,
}

const PARTS: [Part; 4] = [
    Part::Account,
    Part::Token,
    Part::Credential,
    Part::Namespace,
];

/// A namespace, whose parts are pruned in an order of its own.
struct Plot {
    namespace: String,
    order: Vec<Part>,
    /// The account is the cluster's, and its credential the operator's.
    shared: bool,
}

impl Plot {
    fn object(&self, part: Part) -> Value {
        let (api, kind, name) = match part {
            Part::Account if self.shared => (
                "ldtokens.dev/v1alpha1",
                "ClusterLaunchDarklyAccount",
                self.namespace.as_str(),
            ),
            Part::Account => ("ldtokens.dev/v1alpha1", "LaunchDarklyAccount", "default"),
            Part::Token => ("ldtokens.dev/v1alpha1", "AccessToken", "web"),
            Part::Credential if self.shared => ("v1", "Secret", self.namespace.as_str()),
            Part::Credential => ("v1", "Secret", "managing-key"),
            Part::Namespace => ("v1", "Namespace", self.namespace.as_str()),
        };
        let mut metadata = json!({"name": name});
        if part == Part::Credential && self.shared {
            metadata["namespace"] = json!(rig::install::NAMESPACE);
        } else if part != Part::Namespace && kind != "ClusterLaunchDarklyAccount" {
            metadata["namespace"] = json!(self.namespace);
        }
        json!({"apiVersion": api, "kind": kind, "metadata": metadata})
    }
}

/// Every order of these parts.
fn orders(parts: &[Part]) -> Vec<Vec<Part>> {
    let [_, _, ..] = parts else {
        return vec![parts.to_vec()];
    };
    let first = |part: &Part| {
        let rest: Vec<Part> = parts
            .iter()
            .copied()
            .filter(|other| other != part)
            .collect();
        let begin = |rest| [vec![*part], rest].concat();
        orders(&rest).into_iter().map(begin).collect::<Vec<_>>()
    };
    parts.iter().flat_map(first).collect()
}

fn plots() -> Vec<Plot> {
    let own = orders(&PARTS).into_iter().map(|order| (order, false));
    let shared = orders(&PARTS)
        .into_iter()
        .step_by(3)
        .map(|order| (order, true));
    own.chain(shared)
        .enumerate()
        .map(|(number, (order, shared))| Plot {
            namespace: format!("prune-{number}"),
            order,
            shared,
        })
        .collect()
}

/// Fills the plots: an account, its credential and a Ready token each.
fn fill(plots: &[Plot]) {
    let crowded = &stage().crowded;
    let mut objects: Vec<Value> = plots
        .iter()
        .map(|plot| plot.object(Part::Namespace))
        .collect();
    for plot in plots {
        let mut token = plot.object(Part::Token);
        token["spec"] = json!({"role": "reader"});
        if plot.shared {
            let allowed = json!({"allowedNamespaces": {"names": [plot.namespace]}});
            objects.extend(cluster_account(crowded, &plot.namespace, &allowed));
            token["spec"]["accountRef"] =
                json!({"kind": "ClusterLaunchDarklyAccount", "name": plot.namespace});
        } else {
            objects.push(credential(
                crowded,
                &plot.namespace,
                "managing-key",
                "token",
            ));
            let mut account = plot.object(Part::Account);
            account["spec"] =
                json!({"apiUrl": crowded.url(), "credentialsSecretRef": {"name": "managing-key"}});
            objects.push(account);
        }
        objects.push(token);
    }
    apply(&objects);
    wait::until_ok(
        PATIENCE,
        "every token to be Ready and every account to be held",
        || {
            for token in ours("accesstokens")? {
                object::ready(&token)?;
            }
            let accounts = [
                ours("launchdarklyaccounts")?,
                ours("clusterlaunchdarklyaccounts")?,
            ]
            .concat();
            let held = accounts
                .iter()
                .filter(|account| account["metadata"]["finalizers"].is_array())
                .count();
            if held == plots.len() {
                Ok(())
            } else {
                Err(format!("{held} accounts are held"))
            }
        },
    )
    .unwrap();
}

/// Objects of the plots that are there.
fn ours(kind: &str) -> Result<Vec<Value>, String> {
    let mut objects = stage()
        .plane
        .client()
        .list(kind, "")
        .map_err(|error| format!("{error:?}"))?;
    objects.retain(|object| {
        let place = object["metadata"]["namespace"]
            .as_str()
            .or(object["metadata"]["name"].as_str());
        place.is_some_and(|place| place.starts_with("prune-"))
    });
    Ok(objects)
}

#[test]
fn pruning_account_token_credential_and_namespace_in_any_order_ends_and_leaves_nothing() {
    let plots = plots();
    fill(&plots);
    for round in 0..PARTS.len() {
        let (background, foreground): (Vec<_>, Vec<_>) = plots
            .iter()
            .enumerate()
            .partition(|(number, _)| number % 2 == 0);
        // Flux deletes in the background, Argo CD in the foreground.
        for (cascade, plots) in [("background", background), ("foreground", foreground)] {
            let objects: Vec<Value> = plots
                .iter()
                .map(|(_, plot)| plot.object(plot.order[round]))
                .collect();
            let cascade = format!("--cascade={cascade}");
            let arguments = [
                "delete",
                "--wait=false",
                "--ignore-not-found",
                &cascade,
                "--filename=-",
            ];
            stage()
                .plane
                .kubectl_with_input(&arguments, &list(&objects))
                .unwrap();
        }
        // What was asked to go goes, before the next is asked; only accounts wait for their tokens.
        wait::until_ok(PATIENCE, "the tokens of this round to be gone", || {
            let deleting = |token: &&Value| token["metadata"]["deletionTimestamp"].is_string();
            match ours("accesstokens")?.iter().find(deleting) {
                Some(token) => Err(format!(
                    "{} is there: {}",
                    token["metadata"]["namespace"], token["status"]["conditions"]
                )),
                None => Ok(()),
            }
        })
        .unwrap();
    }
    for kind in [
        "accesstokens",
        "launchdarklyaccounts",
        "clusterlaunchdarklyaccounts",
        "namespaces",
    ] {
        wait::until_ok(
            PATIENCE,
            &format!("the last of {kind} to be gone"),
            || match ours(kind)?.first() {
                Some(object) => Err(format!(
                    "{} is there: {}",
                    object["metadata"], object["status"]
                )),
                None => Ok(()),
            },
        )
        .unwrap();
    }
    let mut tokens = stage().crowded.created_tokens().unwrap();
    tokens.retain(|token| token.name.starts_with("prune-") && token.deleted_at.is_none());
    assert!(tokens.is_empty(), "{tokens:?}");
}
