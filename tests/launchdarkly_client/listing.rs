//! Reading all pages, whatever the server says about where they end.

use launchdarkly_token_operator::clock::{Clock as _, SystemClock};
use launchdarkly_token_operator::launchdarkly::{ApiError, HttpClient, TokensApi};
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::support::*;

/// A list of tokens with some of the habits that servers have.
#[derive(Clone, Default)]
struct List {
    tokens: usize,
    largest_page: Option<usize>,
    total: Total,
    links: Links,
    overlap: usize,
    unreadable: bool,
}

#[derive(Clone, Copy, Default)]
enum Total {
    #[default]
    Absent,
    All,
    OfThisPage,
}

#[derive(Clone, Copy, Default)]
enum Links {
    #[default]
    Absent,
    SelfOnly,
    Paging,
}

impl Respond for List {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let query = |name: &str| {
            let mut pairs = request.url.query_pairs();
            pairs
                .find(|(key, _)| key == name)
                .and_then(|(_, value)| value.parse::<usize>().ok())
        };
        let asked = query("limit").unwrap_or(25);
        let limit = self
            .largest_page
            .map_or(asked, |largest| largest.min(asked));
        let offset = query("offset").unwrap_or_default();
        let start = offset.saturating_sub(self.overlap).min(self.tokens);
        let end = (offset + limit).min(self.tokens);
        let items: Vec<Value> = (start.min(end)..end)
            .map(|number| match (self.unreadable, number % 2) {
                (true, 1) => json!({ "name": "no id" }),
                _ => json!({ "_id": format!("{number:024x}"), "token": "1a2b" }),
            })
            .collect();
        let mut page = json!({ "items": items });
        match self.total {
            Total::Absent => {}
            Total::All => page["totalCount"] = json!(self.tokens),
            Total::OfThisPage => page["totalCount"] = json!(items_in(&page)),
        }
        let link = json!({ "href": "/api/v2/tokens", "type": "application/json" });
        match self.links {
            Links::Absent => {}
            Links::SelfOnly => page["_links"] = json!({ "self": link }),
            Links::Paging if end < self.tokens => {
                page["_links"] = json!({ "self": link, "next": link });
            }
            Links::Paging => page["_links"] = json!({ "self": link, "first": link }),
        }
        ok(&page)
    }
}

fn items_in(page: &Value) -> usize {
    page["items"].as_array().map_or(0, Vec::len)
}

async fn serve(list: List) -> (MockServer, HttpClient) {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(list).mount(&server).await;
    let client = client(&server.uri());
    (server, client)
}

/// How many tokens were found, and in how many requests.
async fn listed(list: List) -> (usize, usize) {
    let (server, client) = serve(list).await;
    let tokens = client.list_all().await.unwrap().tokens.len();
    (tokens, received(&server).await.len())
}

#[tokio::test]
async fn all_tokens_are_found_whatever_the_hints() {
    for total in [Total::Absent, Total::All, Total::OfThisPage] {
        for links in [Links::Absent, Links::SelfOnly, Links::Paging] {
            for tokens in [0, 1, 49, 50, 51, 100, 130] {
                let list = List {
                    tokens,
                    total,
                    links,
                    ..List::default()
                };
                let (found, requests) = listed(list).await;
                assert_eq!(found, tokens);
                assert!(requests <= tokens / 50 + 2, "{requests} for {tokens}");
            }
        }
    }
}

#[tokio::test]
async fn hints_that_agree_save_the_last_request() {
    let list = List {
        tokens: 130,
        total: Total::All,
        links: Links::Paging,
        ..List::default()
    };
    assert_eq!(listed(list).await, (130, 3));
}

#[tokio::test]
async fn a_server_with_smaller_pages_is_read_to_the_end() {
    for (total, links) in [
        (Total::Absent, Links::Absent),
        (Total::All, Links::SelfOnly),
        (Total::OfThisPage, Links::Paging),
    ] {
        let list = List {
            tokens: 60,
            largest_page: Some(25),
            total,
            links,
            ..List::default()
        };
        assert_eq!(listed(list).await.0, 60);
    }
}

#[tokio::test]
async fn a_token_that_comes_twice_counts_once() {
    let list = List {
        tokens: 120,
        overlap: 3,
        total: Total::All,
        ..List::default()
    };
    assert_eq!(listed(list).await.0, 120);
}

#[tokio::test]
async fn tokens_that_cannot_be_read_do_not_hide_the_others() {
    let list = List {
        tokens: 120,
        unreadable: true,
        total: Total::All,
        ..List::default()
    };
    assert_eq!(listed(list).await.0, 60);
}

#[tokio::test]
async fn a_token_at_the_end_of_a_page_that_cannot_be_read_is_no_gap() {
    for tokens in [98, 99, 100] {
        let list = List {
            tokens,
            unreadable: true,
            total: Total::All,
            links: Links::Paging,
            ..List::default()
        };
        assert_eq!(listed(list).await, (tokens.div_ceil(2), 3));
    }
}

#[tokio::test]
async fn a_list_without_an_end_is_given_up() {
    let list = List {
        tokens: usize::MAX / 2,
        ..List::default()
    };
    let (_server, client) = serve(list).await;
    let error = client.list_all().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "LaunchDarkly's answer to list has no end"
    );
}

#[tokio::test]
async fn a_failure_in_the_middle_is_a_failure() {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(List {
            tokens: 120,
            ..List::default()
        })
        .up_to_n_times(1)
        .mount(&server)
        .await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(500))
        .mount(&server)
        .await;
    let error = client(&server.uri()).list_all().await.unwrap_err();
    assert_eq!(error.reason(), "Server");
}

#[tokio::test]
async fn a_listing_began_before_what_it_shows() {
    let before = SystemClock.steady();
    let (_server, client) = serve(List {
        tokens: 60,
        ..List::default()
    })
    .await;
    let listing = client.list_all().await.unwrap();
    assert!(before <= listing.started_at && listing.started_at <= SystemClock.steady());
}

#[tokio::test]
async fn a_page_of_more_tokens_than_any_account_has_is_not_taken_apart() {
    // Each of these takes two bytes here, and hundreds as a token.
    let items = vec!["0"; 1_000_000].join(",");
    let body = format!("{{\"items\":[{items}]}}");
    let (_server, client) =
        server_answering(ResponseTemplate::new(200).set_body_string(body)).await;
    let error = client.list_page(0, 50).await.unwrap_err();
    assert!(matches!(error, ApiError::Unreadable { .. }), "{error:?}");
}

#[tokio::test]
async fn what_stands_in_the_place_of_a_field_takes_no_more_room_than_its_text() {
    let tree = format!("[{}]", vec!["0"; 1_000_000].join(","));
    let body = format!("{{\"items\":[{{\"_id\":\"{ID}\",\"name\":{tree},\"expiry\":{tree}}}]}}");
    let (_server, client) =
        server_answering(ResponseTemplate::new(200).set_body_string(body)).await;
    let page = client.list_page(0, 50).await.unwrap();
    assert_eq!(
        (page.items[0].name.as_str(), page.items[0].expiry),
        ("", None)
    );
}

#[tokio::test]
async fn a_compressed_answer_is_not_unpacked() {
    let body = ResponseTemplate::new(200)
        .set_body_bytes([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3])
        .insert_header("content-encoding", "gzip");
    let (server, client) = server_answering(body).await;
    let error = client.list_page(0, 50).await.unwrap_err();
    assert!(matches!(error, ApiError::Unreadable { .. }), "{error:?}");
    let asked = received(&server).await;
    assert!(!asked[0].headers.contains_key("accept-encoding"));
}
