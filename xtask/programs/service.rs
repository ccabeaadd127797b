//! Orders of branch __N__: read from text, kept as JSON, served to tasks.

use std::collections::BTreeMap;

use regex::Regex;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order__N__ {
    pub number: u64,
    pub customer: String,
    pub lines: Vec<Line__N__>,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line__N__ {
    pub article: String,
    pub quantity: u32,
    pub price: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Change__N__ {
    Add { line: Line__N__ },
    Remove { article: String },
    Label { key: String, value: String },
    Clear,
}

impl Order__N__ {
    pub fn new(number: u64, customer: &str) -> Self {
        let (customer, labels) = (customer.to_owned(), BTreeMap::new());
        Self { number, customer, lines: Vec::new(), labels }
    }

    pub fn total(&self) -> f64 {
        self.lines.iter().map(|line| f64::from(line.quantity) * line.price).sum()
    }

    pub fn apply(&mut self, change: Change__N__) {
        match change {
            Change__N__::Add { line } => self.lines.push(line),
            Change__N__::Remove { article } => self.lines.retain(|line| line.article != article),
            Change__N__::Label { key, value } => {
                self.labels.insert(key, value);
            }
            Change__N__::Clear => self.lines.clear(),
        }
    }

    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Reads `3 x bolt-__N__ at 0.25`.
pub fn parse_line(text: &str) -> Option<Line__N__> {
    let pattern = Regex::new(r"^(\d+) x ([a-z0-9-]+) at (\d+(?:\.\d+)?)$").ok()?;
    let found = pattern.captures(text)?;
    Some(Line__N__ {
        quantity: found[1].parse().ok()?,
        article: found[2].to_owned(),
        price: found[3].parse().ok()?,
    })
}

pub async fn serve(mut changes: mpsc::Receiver<Change__N__>, mut order: Order__N__) -> Order__N__ {
    while let Some(change) = changes.recv().await {
        order.apply(change);
    }
    order
}

pub async fn exercise() -> u64 {
    let (sender, receiver) = mpsc::channel(4);
    let task = tokio::spawn(serve(receiver, Order__N__::new(__N__, "somebody")));
    for text in ["3 x bolt-__N__ at 0.25", "7 x nut at 0.5", "no line"] {
        if let Some(line) = parse_line(text) {
            let _ = sender.send(Change__N__::Add { line }).await;
        }
    }
    let label = Change__N__::Label { key: "branch".into(), value: "__N__".into() };
    let _ = sender.send(label).await;
    drop(sender);
    let Ok(order) = task.await else { return 0 };
    let copy: Option<Order__N__> = serde_json::from_str(&order.to_json()).ok();
    u64::from(copy.as_ref() == Some(&order)) + order.total() as u64
}

pub fn busiest(orders: &[Order__N__]) -> Option<&Order__N__> {
    orders.iter().max_by(|a, b| a.total().total_cmp(&b.total()))
}
