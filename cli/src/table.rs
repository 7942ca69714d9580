//! Aligned columns.

use std::fmt;

/// A table for people: columns two spaces apart, numbers aligned right.
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

/// Alignment of a column.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Align {
    Left,
    Right,
}

struct Column {
    title: &'static str,
    align: Align,
    width: usize,
}

impl Table {
    pub(crate) fn new<const N: usize>(columns: [(&'static str, Align); N]) -> Self {
        Self::with_columns(columns)
    }

    /// A table with columns that are known at run time only.
    pub(crate) fn with_columns(columns: impl IntoIterator<Item = (&'static str, Align)>) -> Self {
        let columns = columns
            .into_iter()
            .map(|(title, align)| Column { title, align, width: title.chars().count() })
            .collect();
        Self { columns, rows: Vec::new() }
    }

    /// Adds a row of as many cells as there are columns.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.push_row(cells.into());
    }

    /// Adds a row of as many cells as there are columns.
    pub(crate) fn push_row(&mut self, cells: Vec<String>) {
        assert_eq!(cells.len(), self.columns.len(), "a cell for each column");
        for (column, cell) in self.columns.iter_mut().zip(&cells) {
            column.width = column.width.max(cell.chars().count());
        }
        self.rows.push(cells);
    }

    /// Total width of all columns.
    pub(crate) fn width(&self) -> usize {
        self.columns.iter().map(|column| column.width).sum()
    }

    /// Whether there is any row.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Removes the rows so far and returns their text without titles; later rows keep the widths.
    pub(crate) fn take_rows(&mut self) -> String {
        let rows = std::mem::take(&mut self.rows);
        rows.iter().map(|row| self.line(row.iter().map(String::as_str)) + "\n").collect()
    }

    /// The line of titles.
    pub(crate) fn titles(&self) -> String {
        self.line(self.columns.iter().map(|column| column.title)) + "\n"
    }

    fn line<'c>(&self, cells: impl Iterator<Item = &'c str>) -> String {
        let cells = cells.zip(&self.columns).map(|(cell, column)| match column.align {
            Align::Left => format!("{cell:<width$}", width = column.width),
            Align::Right => format!("{cell:>width$}", width = column.width),
        });
        cells.collect::<Vec<String>>().join("  ").trim_end().to_owned()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.titles())?;
        for row in &self.rows {
            writeln!(f, "{}", self.line(row.iter().map(String::as_str)))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_aligned_right_without_trailing_spaces() {
        let mut table = Table::new([("NAME", Align::Left), ("N", Align::Right), ("NOTE", Align::Left)]);
        table.row(["tör".into(), "12345".into(), String::new()]);
        table.row(["a-long-name".into(), "7".into(), "x".into()]);
        assert_eq!(
            table.to_string(),
            "NAME             N  NOTE\n\
             tör          12345\n\
             a-long-name      7  x\n"
        );
    }

    #[test]
    fn later_pages_keep_the_widths_of_the_first() {
        let mut table = Table::new([("A", Align::Right), ("B", Align::Left)]);
        table.row(["100".into(), "x".into()]);
        assert_eq!(table.titles() + &table.take_rows(), "  A  B\n100  x\n");
        table.row(["1".into(), "y".into()]);
        assert_eq!(table.take_rows(), "  1  y\n");
        assert!(table.is_empty());
    }
}
