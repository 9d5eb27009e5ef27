//! Lists and the looks of tokens.

use launchdarkly_simulator::{Answer, Call, Simulator};
use serde_json::{Value, json};

use super::Case;
use crate::support::*;

fn page_of(simulator: &Simulator, limit: usize) -> Answer {
    for _ in simulator.tokens().len()..150 {
        create(simulator, &json!({}));
    }
    get(simulator, &format!("/api/v2/tokens?limit={limit}"))
}

fn items(answer: &Answer) -> Vec<Value> {
    answer.json()["items"]
        .as_array()
        .cloned()
        .unwrap_or_default()
}

/// The positions of the creation order as three listings show them.
fn orders(simulator: &Simulator) -> Vec<Vec<Value>> {
    for _ in 0..20 {
        create(simulator, &json!({}));
    }
    let order = |_| {
        let shown = items(&get(simulator, "/api/v2/tokens?limit=50"));
        shown.iter().map(|token| token["_id"].clone()).collect()
    };
    (0..3).map(order).collect()
}

fn creation_order(simulator: &Simulator) -> Vec<Value> {
    simulator
        .tokens()
        .into_iter()
        .map(|token| Value::from(token.id))
        .collect()
}

/// Whether the list and the read of one token show a new token, before and after the lag; and
/// whether a deleted one still shows.
fn lag(simulator: &Simulator) -> [(bool, bool); 3] {
    let token = create(simulator, &json!({}));
    let seen = || {
        let list = items(&get(simulator, "/api/v2/tokens"));
        let listed = list.iter().any(|other| other["_id"] == token["_id"]);
        (listed, get(simulator, &path_of(&token)).status == 200)
    };
    let fresh = seen();
    simulator.advance_clock(60_000);
    let settled = seen();
    let gone = simulator.call(&Call::new("DELETE", &path_of(&token)).with_key(KEY));
    assert_eq!(gone.status, 204);
    [fresh, settled, seen()]
}

fn second_page(simulator: &Simulator) -> Value {
    for _ in 0..9 {
        create(simulator, &json!({}));
    }
    get(simulator, "/api/v2/tokens?limit=3&offset=3").json()
}

/// `customRoleIds` and `inlineRole` of a token with a base role.
fn empties(simulator: &Simulator) -> (Option<Value>, Option<Value>) {
    let token = create(simulator, &json!({}));
    (
        token.get("customRoleIds").cloned(),
        token.get("inlineRole").cloned(),
    )
}

/// The actions of an inline role at several reads.
fn inline_reads(simulator: &Simulator) -> Vec<Value> {
    let actions = ["z", "b", "y", "a", "x", "c"];
    let role = json!([{ "effect": "allow", "resources": ["proj/*"], "actions": actions }]);
    let token = create(simulator, &json!({ "role": null, "inlineRole": role }));
    (0..10)
        .map(|_| get(simulator, &path_of(&token)).json()["inlineRole"][0]["actions"].clone())
        .collect()
}

/// The cases, each with a switch and its value.
pub const CASES: &[Case] = &[
    ("list.maxLimit", "clamp", |s| {
        assert_eq!(items(&page_of(s, 120)).len(), 100);
    }),
    ("list.maxLimit", "400", |s| {
        assert_eq!((page_of(s, 101).status, page_of(s, 100).status), (400, 200));
    }),
    ("list.maxLimit", "none", |s| {
        assert_eq!(items(&page_of(s, 120)).len(), 120);
    }),
    ("list.order", "ascending", |s| {
        let orders = orders(s);
        assert!(orders.iter().all(|order| *order == creation_order(s)));
    }),
    ("list.order", "descending", |s| {
        let mut expected = orders(s).remove(0);
        expected.reverse();
        assert_eq!(expected, creation_order(s));
    }),
    ("list.order", "unstable", |s| {
        let orders = orders(s);
        assert!(orders[0] != orders[1] && orders[1] != orders[2]);
    }),
    ("list.lag", "number", |s| {
        s.set_switches(&json!({ "list.lag": 0 })).unwrap();
        let token = create(s, &json!({}));
        assert_eq!(items(&get(s, "/api/v2/tokens")).len(), 2);
        s.set_switches(&json!({ "list.lag": 60_000 })).unwrap();
        patch(
            s,
            &token,
            &json!([{ "op": "replace", "path": "/name", "value": "later" }]),
        );
        s.advance_clock(30_000);
        assert_eq!(items(&get(s, "/api/v2/tokens")).len(), 0);
        s.advance_clock(30_000);
        assert_eq!(items(&get(s, "/api/v2/tokens"))[1]["name"], "later");
        // A read of one token shows what was written at once.
        assert_eq!(lag(s), [(false, true), (true, true), (true, false)]);
    }),
    ("list.totalCount", "total", |s| {
        assert_eq!(second_page(s)["totalCount"], 10);
    }),
    ("list.totalCount", "page", |s| {
        assert_eq!(second_page(s)["totalCount"], 3);
    }),
    ("list.totalCount", "absent", |s| {
        assert!(second_page(s).get("totalCount").is_none());
    }),
    ("list.links", "self+paging", |s| {
        let links = second_page(s)["_links"].clone();
        let href = |name: &str| links[name]["href"].as_str().unwrap_or_default().to_owned();
        for (name, offset) in [
            ("self", 3),
            ("next", 6),
            ("prev", 0),
            ("first", 0),
            ("last", 9),
        ] {
            assert_eq!(
                href(name),
                format!("/api/v2/tokens?limit=3&offset={offset}")
            );
        }
    }),
    ("list.links", "self", |s| {
        let links = second_page(s)["_links"].clone();
        assert_eq!(
            links.as_object().unwrap().keys().collect::<Vec<_>>(),
            ["self"]
        );
    }),
    ("list.links", "none", |s| {
        assert!(second_page(s).get("_links").is_none());
    }),
    ("arrays.empty", "[]", |s| {
        assert_eq!(empties(s), (Some(json!([])), Some(json!([]))));
    }),
    ("arrays.empty", "omitted", |s| {
        assert_eq!(empties(s), (None, None));
    }),
    ("arrays.empty", "null", |s| {
        assert_eq!(empties(s), (Some(json!(null)), Some(json!(null))));
    }),
    ("inlineRole.normalise", "as-sent", |s| {
        let sent = json!(["z", "b", "y", "a", "x", "c"]);
        assert!(inline_reads(s).iter().all(|actions| *actions == sent));
    }),
    ("inlineRole.normalise", "sorted", |s| {
        let sorted = json!(["a", "b", "c", "x", "y", "z"]);
        assert!(inline_reads(s).iter().all(|actions| *actions == sorted));
    }),
    ("inlineRole.normalise", "shuffled", |s| {
        let reads = inline_reads(s);
        assert!(reads.iter().any(|actions| *actions != reads[0]));
    }),
];
