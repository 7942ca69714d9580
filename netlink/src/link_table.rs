//! The numbers and names of links.

use std::collections::BTreeMap;

use margay_reconcile::LinkName;

/// The numbers and names of links: messages have numbers, everything else has names.
#[derive(Clone, Debug, Default)]
pub struct LinkTable {
    names: BTreeMap<u32, LinkName>,
    numbers: BTreeMap<LinkName, u32>,
}

impl LinkTable {
    /// Notes a link. Returns its former name when it had another.
    pub fn insert(&mut self, number: u32, name: LinkName) -> Option<LinkName> {
        let former = self.names.insert(number, name.clone()).filter(|former| *former != name);
        if let Some(former) = &former {
            self.remove_name(former, number);
        }
        self.numbers.insert(name, number);
        former
    }

    /// Notes that a link is gone, and returns its name.
    pub fn remove(&mut self, number: u32) -> Option<LinkName> {
        let name = self.names.remove(&number)?;
        self.remove_name(&name, number);
        Some(name)
    }

    /// The name of a link.
    #[must_use]
    pub fn name(&self, number: u32) -> Option<&LinkName> {
        self.names.get(&number)
    }

    /// The number of a link.
    #[must_use]
    pub fn number(&self, name: &LinkName) -> Option<u32> {
        self.numbers.get(name).copied()
    }

    /// A new link may have the name already.
    fn remove_name(&mut self, name: &LinkName, number: u32) {
        if self.numbers.get(name) == Some(&number) {
            self.numbers.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::LinkTable;

    #[test]
    fn names_move_between_numbers() {
        let name = |text: &str| text.parse().unwrap();
        let mut links = LinkTable::default();
        assert_eq!(links.insert(1, name("a")), None);
        assert_eq!(links.insert(1, name("b")), Some(name("a")));
        assert_eq!(links.number(&name("a")), None);
        // The new link of a name is reported before the end of the old one.
        links.insert(2, name("b"));
        assert_eq!(links.remove(1), Some(name("b")));
        assert_eq!(links.number(&name("b")), Some(2));
    }
}
