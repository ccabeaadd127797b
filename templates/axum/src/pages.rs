//! What the service answers.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, Sse};
use tokio::time::interval;
use tokio_stream::wrappers::IntervalStream;
use tokio_stream::{Stream, StreamExt};

/// The state: it lives as long as the process.
#[derive(Debug, Default)]
pub struct Site {
    visits: AtomicU32,
}

/// `GET /`
pub async fn home(State(site): State<Arc<Site>>) -> String {
    let visits = site.visits.fetch_add(1, Ordering::Relaxed) + 1;
    hello(visits)
}

/// What a visitor is told. Change the text: the next request has the new one.
fn hello(visits: u32) -> String {
    format!("hello, you are visitor {visits}\n")
}

/// `GET /events`: a connection that stays open, with an event a second.
pub async fn events(
    State(site): State<Arc<Site>>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let mut number = 0;
    let seconds = IntervalStream::new(interval(Duration::from_secs(1)));
    Sse::new(seconds.map(move |_| {
        number += 1;
        Ok(Event::default().data(news(number, site.visits.load(Ordering::Relaxed))))
    }))
}

/// One event. Change the text: connections that are open get the new one, and count on.
fn news(number: u32, visits: u32) -> String {
    format!("event {number}: {visits} visits")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn visitors_are_counted() {
        let site = Arc::new(Site::default());
        home(State(Arc::clone(&site))).await;
        assert!(home(State(site)).await.contains('2'));
    }
}
