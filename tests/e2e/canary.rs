//! No part of a key shows anywhere (I7): not in what the operator writes, serves or logs, at its most talkative and in all kinds of
//! trouble. The search first finds a key that is planted in each of the places.

use rig::canary::{Canary, Form, Place, encoded, places};
use rig::{ControlPlane, ControlPlaneOptions, Operator, SimulatorOptions, SimulatorProcess, wait};
use serde_json::{Value, json};

use crate::stage::{Home, PATIENCE, patient};

/// A key of nobody's, for planting.
const PLANT: &str = "api-0bad5eed-c0de-4bad-8bad-0ddba115eed5";
/// Twelve characters of it, which can stand in names of objects.
const PART: &str = "c0de-4bad-8b";
/// Keys that are used as credentials or written into Secrets, and belong to nobody.
const WRONG: [&str; 2] = [
    "api-d15ea5ed-0000-4111-8222-feedfacecafe",
    "api-5ca1ab1e-1234-4567-89ab-ba5eba11b0a7",
];

/// A control plane, a simulator and a talkative operator of its own, since it is killed on the way.
struct Scene {
    plane: ControlPlane,
    simulator: SimulatorProcess,
    operator: Operator,
}

impl Scene {
    fn start() -> Self {
        let plane = ControlPlane::start(ControlPlaneOptions::default()).unwrap();
        let simulator = SimulatorProcess::start(&SimulatorOptions {
            seed: 30,
            ..SimulatorOptions::default()
        })
        .unwrap();
        // Its name gets into the Lease and into every intent.
        let options = patient()
            .allowing(simulator.host())
            .flag("--log-level", "trace")
            .named(&format!("operator-{PART}"));
        let mut operator = Operator::start(&plane, &options).unwrap();
        operator.await_ready(PATIENCE).unwrap();
        Self {
            plane,
            simulator,
            operator,
        }
    }

    /// The next calls of this kind are answered so, one each.
    fn faults(&self, method: &str, route: &str, faults: &[Value]) {
        for (nth, fault) in (1..).zip(faults) {
            let mut whole = json!({"method": method, "route": route, "nth": nth, "count": 1});
            let more = fault.as_object().unwrap().clone();
            whole.as_object_mut().unwrap().extend(more);
            self.simulator.fault(&whole).unwrap();
        }
    }

    fn places(&self) -> Vec<Place> {
        places(&self.plane, &self.operator).unwrap()
    }
}

const CREATE: (&str, &str) = ("POST", "/api/v2/tokens");
const RESET: (&str, &str) = ("POST", "/api/v2/tokens/{id}/reset");
const IDENTITY: (&str, &str) = ("GET", "/api/v2/caller-identity");

#[test]
fn no_part_of_a_key_shows_anywhere_and_a_planted_one_is_found_in_every_place() {
    let mut scene = Scene::start();
    let home_name = "silence";
    {
        let home = Home::on(&scene.plane, home_name);
        wrong_credentials(&scene, &home);
        every_change_of_a_key(&home);
        trouble_on_the_way(&scene, &home);
    }
    crash_in_the_middle_of_a_reset(&mut scene, home_name);
    {
        let home = Home::on(&scene.plane, home_name);
        what_is_left_behind(&home);
        plant(&home);
    }
    let planted = Canary::new([PLANT]).unwrap();
    let seen = planted_where(&scene, &planted);
    for name in [
        "log",
        "events",
        "accesstokens",
        "configmaps",
        "leases",
        "launchdarklyaccounts",
        "secrets without their data",
        "audit log",
    ] {
        assert!(seen.contains(&name.to_owned()), "{name} is not in {seen:?}");
    }

    let mut keys = scene.simulator.keys_ever().unwrap();
    keys.extend(WRONG.map(str::to_owned));
    let issued = keys.len();
    assert!(issued >= 15, "only {issued} keys were at stake");
    let canary = Canary::new(&keys).unwrap();
    let places = scene.places();
    for place in &places {
        // Also where nobody but the operator can plant: in a copy.
        let middle = place.text.floor_char_boundary(place.text.len() / 2);
        let (before, after) = place.text.split_at(middle);
        let copy = Place {
            name: place.name.clone(),
            text: format!("{before} {}{after}", encoded(&format!("{{{}}}", keys[0]))),
        };
        let found = canary.search(&copy);
        assert!(
            found.iter().any(|sighting| sighting.form == Form::Base64),
            "{} is not searched",
            place.name
        );
    }
    let sightings: Vec<String> = places
        .iter()
        .flat_map(|place| canary.search(place))
        .map(|sighting| sighting.to_string())
        .collect();
    assert!(sightings.is_empty(), "{sightings:#?}");
    let searched: usize = places.iter().map(|place| place.text.len()).sum();
    println!(
        "searched {searched} bytes in {} places for {issued} keys",
        places.len()
    );
}

/// A credential that is wrong, one that is no key, and the right one.
fn wrong_credentials(scene: &Scene, home: &Home<'_>) {
    let account = ("launchdarklyaccount", "default", "Ready");
    home.credential(WRONG[0]);
    home.account(
        &json!({"apiUrl": scene.simulator.url(), "credentialsSecretRef": {"name": "managing-key"}}),
    );
    home.reason_of(account.0, account.1, account.2, "CredentialRejected");
    home.credential(&format!(
        "{} and more words",
        scene.simulator.managing_key()
    ));
    home.touch_account();
    home.reason_of(account.0, account.1, account.2, "CredentialInvalid");
    home.credential(scene.simulator.managing_key());
    home.touch_account();
    home.settle(&scene.simulator);
}

/// Create, reset with `previousKey`, replace, revoke, repair of the Secret.
fn every_change_of_a_key(home: &Home<'_>) {
    let secret =
        json!({"previousKey": "previous", "template": {"metadata": {"labels": {"team": "a"}}}});
    home.token(
        "web",
        &json!({"role": "reader", "secret": secret, "rotation": {"gracePeriod": "1m"}}),
    );
    home.ready("web");
    let changes = [
        json!({"spec": {"rotation": {"trigger": "reset"}}}),
        json!({"spec": {"role": "writer"}}),
        json!({"spec": {"rotation": {"revoke": "leak"}}}),
    ];
    for change in changes {
        let old = home.key("web");
        home.patch("accesstoken", "web", &change);
        home.new_key("web", &old);
    }
    let old = home.key("web");
    home.delete("secret", "web");
    let old = home.new_key("web", &old);
    home.patch("secret", "web", &json!({"stringData": {"token": WRONG[1]}}));
    wait::until_true(PATIENCE, "another key in Secret web", || {
        let key = home.key("web");
        Ok(key != old && key != WRONG[1])
    })
    .unwrap();
    home.ready("web");
}

/// Answers that are lost, cut short, or that echo keys in every field that is shown.
fn trouble_on_the_way(scene: &Scene, home: &Home<'_>) {
    let managing = scene.simulator.managing_key();
    let published = home.key("web");
    let echo = format!("who is {managing}? not {published}! Authorization: {managing}");
    let said = json!({"code": managing, "message": echo});
    scene.faults(
        CREATE.0,
        CREATE.1,
        &[
            json!({"kind": "truncate"}),
            json!({"kind": "drop-after"}),
            json!({"kind": "reset", "handled": true}),
            json!({"kind": "status", "status": 500, "handled": true, "body": said}),
            json!({"kind": "status", "status": 400, "body": said}),
            json!({"kind": "status", "status": 422, "body": said}),
            json!({"kind": "status", "status": 409, "body": said}),
            json!({"kind": "status", "status": 403, "body": {"code": "forbidden", "message": echo,
                "access": {"action": managing, "resource": format!("service-token/{published}")}}}),
            json!({"kind": "status", "status": 200, "body": format!("<html>{echo}</html>")}),
            json!({"kind": "status", "status": 201, "body": {"_id": managing, "token": 7, "name": published}}),
        ],
    );
    scene.faults(
        IDENTITY.0,
        IDENTITY.1,
        &[
            json!({"kind": "truncate"}),
            json!({"kind": "status", "status": 200, "body": {"accountId": managing, "tokenId": published}}),
            json!({"kind": "status", "status": 503, "body": echo}),
        ],
    );
    let names: Vec<String> = (0..10).map(|n| format!("rough-{n}")).collect();
    for name in &names {
        home.token(name, &json!({"role": "reader"}));
    }
    for name in &names {
        home.try_again_until_ready(name);
    }
    scene.simulator.clear_faults().unwrap();
}

/// The answer of a reset comes too late for a process that is killed; the next one recovers, is told to end, and another one comes.
fn crash_in_the_middle_of_a_reset(scene: &mut Scene, namespace: &str) {
    let old = {
        let home = Home::on(&scene.plane, namespace);
        home.token(
            "doomed",
            &json!({"role": "reader", "rotation": {"gracePeriod": "2m"}}),
        );
        home.ready("doomed");
        scene.faults(
            RESET.0,
            RESET.1,
            &[json!({"kind": "delay", "delayMs": 1500, "handled": true})],
        );
        home.patch(
            "accesstoken",
            "doomed",
            &json!({"spec": {"rotation": {"trigger": "now"}}}),
        );
        home.wait("accesstoken", "doomed", "an announced reset", |object| {
            if object["status"]["pending"].is_object() {
                Ok(())
            } else {
                Err("nothing is pending".to_owned())
            }
        });
        home.key("doomed")
    };
    scene.operator.restart().unwrap();
    scene.operator.await_ready(PATIENCE).unwrap();
    scene.simulator.clear_faults().unwrap();
    Home::on(&scene.plane, namespace).new_key("doomed", &old);
    scene.operator.terminate(PATIENCE).unwrap();
    scene.operator.restart().unwrap();
    scene.operator.await_ready(PATIENCE).unwrap();
}

/// One token goes, one is left behind on purpose.
fn what_is_left_behind(home: &Home<'_>) {
    home.delete("accesstoken", "rough-0");
    home.gone("accesstoken", "rough-0");
    let skip = json!({"metadata": {"annotations": {"ldtokens.dev/skip-cleanup": "true"}}});
    home.patch("accesstoken", "rough-1", &skip);
    home.delete("accesstoken", "rough-1");
    home.gone("accesstoken", "rough-1");
}

/// A part of a key where users can put it, so that it gets wherever what users say gets; and its base64 in a note.
fn plant(home: &Home<'_>) {
    home.token(&format!("plant-{PART}"), &json!({"role": "reader"}));
    home.ready(&format!("plant-{PART}"));
    let note = json!({"metadata": {"annotations": {"note": encoded(&format!("\"{PLANT}\""))}}});
    home.patch("launchdarklyaccount", "default", &note);
    home.apply(&json!({
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": "plant"}, "type": "Normal", "reason": "Planted",
        "involvedObject": {"kind": "AccessToken", "name": "web", "namespace": home.namespace},
        "message": format!("the key is {PLANT}"),
    }));
    home.apply(&json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "plant"}, "data": {"key": PLANT.to_uppercase()},
    }));
}

/// The names of the places where a planted key shows, once it has got everywhere that it gets by itself.
fn planted_where(scene: &Scene, planted: &Canary) -> Vec<String> {
    scene
        .places()
        .iter()
        .flat_map(|place| planted.search(place))
        .map(|sighting| sighting.place)
        .collect()
}
