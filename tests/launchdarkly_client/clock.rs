//! Whose clock an expiry is on, and which answers tell what time it is at LaunchDarkly (I3).

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use launchdarkly_token_operator::clock::{Clock as _, ManualClock};
use launchdarkly_token_operator::launchdarkly::{
    AccountLimiter, HttpClient, LimiterOptions, Overlap, TokensApi,
};
use wiremock::matchers::{method, path_regex};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::support::*;

const HOUR: Duration = Duration::from_secs(3_600);
/// Between two answers.
const STEP: Duration = Duration::from_secs(5);

fn dated(answer: ResponseTemplate, at: Timestamp) -> ResponseTemplate {
    let date = jiff::fmt::rfc2822::DateTimePrinter::new();
    answer.insert_header("date", date.timestamp_to_rfc9110_string(&at).unwrap())
}

/// Answers looks one after the other as told, the last one for ever, and every reset with a key.
struct Looks(Mutex<Vec<ResponseTemplate>>);

impl Respond for Looks {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        let mut answers = self.0.lock().unwrap();
        if answers.len() > 1 {
            answers.remove(0)
        } else {
            answers[0].clone()
        }
    }
}

/// A client by a clock of its own, of a server that answers looks so, one after the other.
struct Stage {
    server: MockServer,
    client: HttpClient,
    clock: Arc<ManualClock>,
}

impl Stage {
    async fn new(looks: Vec<ResponseTemplate>) -> Self {
        let server = MockServer::start().await;
        let reset = Mock::given(method("POST")).and(path_regex("reset$"));
        // Its own date comes too late for it.
        reset.respond_with(ok(&issued_token())).mount(&server).await;
        let looks = Looks(Mutex::new(looks));
        Mock::given(method("GET"))
            .respond_with(looks)
            .mount(&server)
            .await;
        let clock = Arc::new(ManualClock::new(now()));
        let limiter = AccountLimiter::new(LimiterOptions::default(), Arc::new(()), clock.clone());
        let client = client(&server.uri()).identified(limiter, None);
        Self {
            server,
            client,
            clock,
        }
    }

    /// Looks so often, with a few seconds after each.
    async fn look(&self, times: usize) {
        for _ in 0..times {
            let _ = self.client.get(&id()).await;
            self.clock.advance(STEP);
        }
    }

    /// How far the expiry that a reset asks for is from an hour after this machine's time.
    async fn off(&self, previous_key: Overlap) -> SignedDuration {
        self.client.reset(&id(), previous_key).await.unwrap();
        let requests = received(&self.server).await;
        let body: serde_json::Value = requests.last().unwrap().body_json().unwrap();
        let expiry = Timestamp::from_millisecond(body["expiry"].as_i64().unwrap()).unwrap();
        expiry.duration_since(self.clock.now()) - SignedDuration::try_from(HOUR).unwrap()
    }
}

fn now() -> Timestamp {
    "2026-11-29T12:00:00Z".parse().unwrap()
}

/// Looks that are answered one after the other by a clock that is this much ahead.
fn by_a_clock(ahead: SignedDuration) -> Vec<ResponseTemplate> {
    let step = SignedDuration::try_from(STEP).unwrap();
    let at = |number: i32| now() + step * number + ahead;
    let answer = |number| dated(ok(&shown_token()), at(number));
    (0..10).map(answer).collect()
}

fn is_about(off: SignedDuration, expected: SignedDuration) -> bool {
    (off - expected).abs() <= SignedDuration::from_secs(2)
}

#[tokio::test]
async fn one_answer_that_is_hours_old_shortens_no_grace_i3() {
    let then = now() - SignedDuration::from_hours(10);
    let page = |status| ResponseTemplate::new(status).set_body_raw("<html></html>", "text/html");
    let failure = |status| ResponseTemplate::new(status).set_body_json(serde_json::json!({}));
    // Once, and by a cache that repeats itself; too many failures have calls turned away.
    for (answer, times) in [
        (ok(&shown_token()), 1),
        (ok(&shown_token()), 5),
        (failure(404), 1),
        (failure(404), 5),
        (failure(503), 1),
        (page(200), 5),
        (page(404), 5),
        (page(502), 1),
    ] {
        let stage = Stage::new(vec![dated(answer.clone(), then)]).await;
        stage.look(times).await;
        let off = stage.off(Overlap::AtLeast(HOUR)).await;
        assert!(
            is_about(off, SignedDuration::ZERO),
            "{off} after {answer:?}"
        );
        assert_eq!(stage.client.clock_offset().likely, SignedDuration::ZERO);
    }
}

#[tokio::test]
async fn an_error_page_tells_no_time_however_often_it_comes_i3() {
    let old = by_a_clock(SignedDuration::from_hours(-10));
    let page = |dated: ResponseTemplate| dated.set_body_raw("<html></html>", "text/html");
    let stage = Stage::new(old.into_iter().map(page).collect()).await;
    stage.look(5).await;
    let off = stage.off(Overlap::AtLeast(HOUR)).await;
    assert!(is_about(off, SignedDuration::ZERO), "{off}");
}

#[tokio::test]
async fn what_must_live_is_counted_by_the_later_clock_and_what_must_not_by_launchdarklys_i3() {
    let hours = SignedDuration::from_hours;
    for (ahead, at_least, at_most) in [
        (hours(7), hours(7), hours(7)),
        (hours(-7), hours(0), hours(-7)),
        // No more than a day after the time there.
        (hours(-72), hours(-48), hours(-72)),
    ] {
        let stage = Stage::new(by_a_clock(ahead)).await;
        stage.look(2).await;
        let off = stage.client.clock_offset().likely;
        assert!(is_about(off, ahead), "{off}");
        let off = stage.off(Overlap::AtLeast(HOUR)).await;
        assert!(is_about(off, at_least), "{off} instead of {at_least}");
        let off = stage.off(Overlap::AtMost(HOUR)).await;
        assert!(is_about(off, at_most), "{off} instead of {at_most}");
    }
}

/// Before a second answer nobody knows whether this machine's clock is wrong or the answer's.
#[tokio::test]
async fn a_first_answer_from_the_future_lengthens_what_must_live_by_a_day_at_most_i3() {
    for (ahead, at_least) in [(7, 7), (72, 24)] {
        let stage = Stage::new(by_a_clock(SignedDuration::from_hours(ahead))).await;
        stage.look(1).await;
        let off = stage.off(Overlap::AtLeast(HOUR)).await;
        assert!(is_about(off, SignedDuration::from_hours(at_least)), "{off}");
        let off = stage.off(Overlap::AtMost(HOUR)).await;
        assert!(is_about(off, SignedDuration::ZERO), "{off}");
    }
}
