//! `margay show routes`

use margay_control::Route;

use super::or_dash;
use crate::table::{Align, Table};

/// Routes, one page at a time. Columns keep their widths from page to page; if a later page needs more, as
/// the first IPv6 routes do, the titles are repeated.
pub(crate) struct RoutesTable {
    table: Table,
    has_titles: bool,
}

impl RoutesTable {
    pub(crate) fn new() -> Self {
        let table = Table::new([
            ("", Align::Left),
            ("PREFIX", Align::Left),
            ("NEXT HOP", Align::Left),
            ("PEER", Align::Left),
            ("PREF", Align::Right),
            ("MED", Align::Right),
            ("AS PATH", Align::Left),
            ("REMARKS", Align::Left),
        ]);
        Self { table, has_titles: false }
    }

    /// The lines of one page, with the titles before the first one.
    pub(crate) fn page(&mut self, routes: &[Route]) -> String {
        let former_width = self.table.width();
        for route in routes {
            self.table.row([
                mark(route).to_owned(),
                route.prefix.to_string(),
                or_dash(route.next_hop.as_ref()),
                or_dash(route.peer.as_ref()),
                or_dash(route.local_pref),
                or_dash(route.med),
                as_path(route),
                remarks(route),
            ]);
        }
        if self.table.is_empty() {
            return String::new();
        }
        let titles = match (self.has_titles, self.table.width() > former_width) {
            (true, false) => String::new(),
            (true, true) => format!("\n{}", self.table.titles()),
            (false, _) => self.table.titles(),
        };
        self.has_titles = true;
        titles + &self.table.take_rows()
    }

    /// The text after the last page.
    pub(crate) fn end(self) -> &'static str {
        if self.has_titles {
            "\n* chosen   ! not usable   x rejected   i igp   e egp   ? incomplete\n"
        } else {
            "no routes\n"
        }
    }
}

fn mark(route: &Route) -> &'static str {
    if route.rejected.is_some() {
        "x"
    } else if !route.valid {
        "!"
    } else if route.best {
        "*"
    } else {
        ""
    }
}

/// The path followed by the letter of the origin, as usual for routers.
fn as_path(route: &Route) -> String {
    let origin = match route.origin.as_str() {
        "igp" => "i",
        "egp" => "e",
        _ => "?",
    };
    format!("{} {origin}", route.as_path).trim_start().to_owned()
}

/// Rare properties that matter to operators: why it was rejected, which of several paths it is, and the
/// clusters of a reflected route.
fn remarks(route: &Route) -> String {
    let path_id = route.path_id.map(|path_id| format!("path {path_id}"));
    let originator = route.originator_id.as_ref().map(|originator| {
        format!("originated by {originator}, reflected in {}", route.cluster_list.join(" "))
    });
    let stale = route.stale.then(|| "stale: its peer restarts".to_owned());
    let remarks = [route.rejected.clone(), stale, path_id, originator];
    remarks.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    #[test]
    fn shows_aligned_columns_and_marks() {
        let rejected = Route {
            best: false,
            valid: false,
            rejected: Some("rejected by filter pods-only, rule 2".to_owned()),
            med: Some(20),
            ..learned("10.99.0.0/16")
        };
        let own = Route {
            peer: None,
            next_hop: None,
            as_path: String::new(),
            local_pref: None,
            ..learned("10.65.1.0/26")
        };
        let unusable =
            Route { best: false, valid: false, origin: "incomplete".to_owned(), ..learned("2001:db8::/64") };
        let reflected = Route {
            path_id: Some(7),
            originator_id: Some("10.0.0.12".to_owned()),
            cluster_list: vec!["10.0.0.1".to_owned(), "10.0.0.2".to_owned()],
            ..learned("10.99.1.0/26")
        };
        let mut table = RoutesTable::new();
        assert_eq!(
            table.page(&[own, learned("10.65.2.0/26"), rejected, reflected, unusable]),
            "   PREFIX         NEXT HOP    PEER  PREF  MED  AS PATH        REMARKS
*  10.65.1.0/26   -           -        -    -  i
*  10.65.2.0/26   172.16.0.1  tor1   100    -  65001 65002 i
x  10.99.0.0/16   172.16.0.1  tor1   100   20  65001 65002 i  rejected by filter pods-only, rule 2
*  10.99.1.0/26   172.16.0.1  tor1   100    -  65001 65002 i  path 7; originated by 10.0.0.12, reflected in 10.0.0.1 10.0.0.2
!  2001:db8::/64  172.16.0.1  tor1   100    -  65001 65002 ?
"
        );
        assert_eq!(
            table.page(&[learned("10.65.3.0/26")]),
            "*  10.65.3.0/26   172.16.0.1  tor1   100    -  65001 65002 i\n",
            "no titles again, same widths"
        );
        assert!(table.end().contains("* chosen"));
    }

    #[test]
    fn the_titles_are_repeated_over_wider_columns() {
        let mut table = RoutesTable::new();
        table.page(&[learned("10.65.2.0/26")]);
        let text = table.page(&[learned("2001:db8:65:2::/64")]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!((lines.len(), lines[0]), (3, ""));
        assert_eq!(lines[1].find("NEXT HOP"), lines[2].find("172.16.0.1"), "{text}");
        assert_eq!(table.page(&[learned("10.65.3.0/26")]).lines().count(), 1);
    }

    #[test]
    fn says_that_there_are_none() {
        let mut table = RoutesTable::new();
        assert_eq!(table.page(&[]) + table.end(), "no routes\n");
    }

    pub(crate) fn learned(prefix: &str) -> Route {
        Route {
            prefix: prefix.parse().unwrap(),
            peer: Some("tor1".to_owned()),
            next_hop: Some("172.16.0.1".to_owned()),
            as_path: "65001 65002".to_owned(),
            origin: "igp".to_owned(),
            local_pref: Some(100),
            best: true,
            valid: true,
            ..Route::default()
        }
    }
}
