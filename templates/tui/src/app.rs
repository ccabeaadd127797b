//! What is shown, and what the keys do to it.

use ratatui::crossterm::event::KeyCode;

/// A thing that is counted.
#[derive(Debug)]
pub struct Item {
    pub name: String,
    pub count: u32,
}

/// The state: it lives as long as the process.
#[derive(Debug)]
pub struct App {
    items: Vec<Item>,
    selected: usize,
    /// Only names that hold this are shown.
    filter: String,
    is_typing: bool,
    is_done: bool,
}

impl Default for App {
    fn default() -> Self {
        let names = ["apples", "bananas", "cherries", "dates", "elderberries"];
        let items = names.map(|name| Item { name: name.to_owned(), count: 0 }).into();
        Self { items, selected: 0, filter: String::new(), is_typing: false, is_done: false }
    }
}

impl App {
    /// Does what a key means. Change what Enter adds: the counts go on from where they are.
    pub fn press(&mut self, key: KeyCode) {
        match key {
            KeyCode::Enter if self.is_typing => self.is_typing = false,
            KeyCode::Backspace if self.is_typing => _ = self.filter.pop(),
            KeyCode::Char(letter) if self.is_typing => self.filter.push(letter),
            KeyCode::Esc => (self.filter, self.is_typing) = (String::new(), false),
            KeyCode::Enter => self.add(1),
            KeyCode::Char('/') => self.is_typing = true,
            KeyCode::Down | KeyCode::Char('j') => self.selected += 1,
            KeyCode::Up | KeyCode::Char('k') => self.selected = self.selected.saturating_sub(1),
            KeyCode::Char('q') => self.is_done = true,
            _ => {}
        }
        self.selected = self.selected.min(self.shown().count().saturating_sub(1));
    }

    fn add(&mut self, number: u32) {
        let (filter, selected) = (&self.filter, self.selected);
        let mut shown = self.items.iter_mut().filter(|item| item.name.contains(filter.as_str()));
        if let Some(item) = shown.nth(selected) {
            item.count += number;
        }
    }

    /// The items that the filter lets through.
    pub fn shown(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(|item| item.name.contains(&self.filter))
    }

    /// Which of them is selected.
    pub fn selected(&self) -> usize {
        self.selected
    }

    /// The filter, while it is typed or in use.
    pub fn filter(&self) -> Option<&str> {
        (self.is_typing || !self.filter.is_empty()).then_some(&self.filter)
    }

    /// Whether the program is to end.
    pub fn is_done(&self) -> bool {
        self.is_done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_selected_is_counted() {
        let mut app = App::default();
        for key in ['/', 'r', 'r'] {
            app.press(KeyCode::Char(key));
        }
        for key in [KeyCode::Enter, KeyCode::Down, KeyCode::Enter] {
            app.press(key);
        }
        let counts: Vec<_> = app.shown().map(|item| (item.name.as_str(), item.count)).collect();
        assert_eq!(counts, [("cherries", 0), ("elderberries", 1)]);
    }
}
