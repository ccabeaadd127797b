//! A small HTTP service. What stands here runs once, when the program starts; what answers is in
//! `pages.rs`, and an edit there answers the next request.

use std::env;
use std::error::Error;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;

mod pages;

use pages::Site;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(&address).await;
    let listener = listener.map_err(|error| format!("cannot listen on {address}: {error}"))?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, router()).await?;
    Ok(())
}

/// Who answers what. It is called once: a new route is there after `hotdev restart`.
fn router() -> Router {
    Router::new()
        .route("/", get(pages::home))
        .route("/events", get(pages::events))
        .with_state(Arc::new(Site::default()))
}
