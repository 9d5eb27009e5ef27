//! Many objects at once.

use std::time::{Duration, Instant};

use rig::{object, wait};
use serde_json::json;

use crate::stage::{Home, stage};

const OBJECTS: usize = 200;
/// 80 creates in 10 seconds is what the default limit of a route less the headroom allows: 200 take 30 s, and some to spare.
const LIMIT: Duration = Duration::from_secs(120);
/// Generous: the objects of all other tests are there too, and the build may be one without optimisation.
const MEMORY_KIB: u64 = 150 * 1024;

#[test]
fn two_hundred_objects_at_once_get_exactly_two_hundred_tokens() {
    let crowded = &stage().crowded;
    let home = Home::at(crowded, "crowd");
    let objects: Vec<_> = (0..OBJECTS)
        .map(|n| {
            json!({
                "apiVersion": "ldtokens.dev/v1alpha1", "kind": "AccessToken",
                "metadata": {"name": format!("t{n:03}"), "namespace": "crowd"}, "spec": {"role": "reader"},
            })
        })
        .collect();
    let begun = Instant::now();
    stage()
        .plane
        .apply(&json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string())
        .unwrap();
    wait::until_ok(LIMIT, "200 Ready objects", || {
        let found = stage()
            .plane
            .client()
            .list("accesstokens", "crowd")
            .map_err(|error| format!("{error:?}"))?;
        let late: Vec<_> = found
            .iter()
            .filter_map(|object| object::ready(object).err())
            .collect();
        let ready = found.len() - late.len();
        if ready == OBJECTS {
            Ok(())
        } else {
            Err(format!(
                "{ready} are Ready; {}",
                late.first().cloned().unwrap_or_default()
            ))
        }
    })
    .unwrap();
    let took = begun.elapsed();
    assert_eq!(home.remote(crowded).len(), OBJECTS);
    let resident = stage().operator.resident_kib().unwrap();
    println!(
        "{OBJECTS} objects were Ready after {took:.1?}; the operator has {resident} KiB resident"
    );
    assert!(resident < MEMORY_KIB, "{resident} KiB");
}
