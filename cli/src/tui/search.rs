//! Looking for text in what the program printed, from the newest line upwards.

/// Which lines hold the text. Capitals matter only where the text has some.
pub(super) fn matches(lines: &[String], query: &str) -> Vec<usize> {
    let found = lines.iter().enumerate().filter(|(_, line)| places(line, query).next().is_some());
    found.map(|(index, _)| index).collect()
}

/// Where in a line the text stands, in characters from its start.
pub(super) fn places<'a>(line: &'a str, query: &'a str) -> impl Iterator<Item = usize> + 'a {
    let exact = query.chars().any(char::is_uppercase);
    let fold = move |c: char| if exact { c } else { c.to_lowercase().next().unwrap_or(c) };
    let (line, query): (Vec<char>, Vec<char>) =
        (line.chars().map(fold).collect(), query.chars().map(fold).collect());
    let last = (line.len() + 1).saturating_sub(query.len());
    let last = if query.is_empty() { 0 } else { last };
    (0..last).filter(move |start| line[*start..*start + query.len()] == query[..])
}

/// A search under way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Search {
    /// Lines that hold the text, oldest first.
    found: Vec<usize>,
    at: usize,
}

impl Search {
    /// Begins with the newest line that holds the text.
    pub(super) fn new(lines: &[String], query: &str) -> Self {
        let found = matches(lines, query);
        Self { at: found.len().saturating_sub(1), found }
    }

    /// The line that was found, its number among those found, counted from the newest, and how many
    /// there are.
    pub(super) fn now(&self) -> Option<(usize, usize, usize)> {
        self.found.get(self.at).map(|line| (*line, self.found.len() - self.at, self.found.len()))
    }

    /// Goes to an older one, or to a newer one where `older` is negative.
    pub(super) fn step(&mut self, older: isize) {
        let last = self.found.len().saturating_sub(1);
        self.at = self.at.saturating_add_signed(-older).min(last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> Vec<String> {
        ["an Error", "fine", "error two", "fine"].map(String::from).to_vec()
    }

    #[test]
    fn small_letters_find_capitals_too() {
        assert_eq!(matches(&lines(), "error"), [0, 2]);
        assert_eq!(matches(&lines(), "Error"), [0]);
        assert_eq!(matches(&lines(), ""), [0; 0]);
        assert_eq!(places("aXxax", "x").collect::<Vec<_>>(), [1, 2, 4]);
    }

    #[test]
    fn it_goes_from_the_newest_upwards_and_stays_at_the_ends() {
        let mut search = Search::new(&lines(), "error");
        assert_eq!(search.now(), Some((2, 1, 2)));
        search.step(1);
        search.step(1);
        assert_eq!(search.now(), Some((0, 2, 2)));
        search.step(-1);
        assert_eq!(search.now(), Some((2, 1, 2)));
        assert_eq!(Search::new(&lines(), "none").now(), None);
    }
}
