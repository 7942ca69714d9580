//! The log by itself: cursors, withdrawals that wait, sources that must be told, rewriting.

use super::*;

const ALICE: PeerIndex = PeerIndex(1);
const BOB: PeerIndex = PeerIndex(2);

fn nobody(_: PeerIndex) -> Option<ReaderId> {
    None
}

fn entries<V: Copy>(batch: &Batch<V>) -> Vec<(u32, Option<V>)> {
    batch.changes.iter().map(|(entry, slot)| (entry.0, slot.value())).collect()
}

#[test]
fn what_changed_often_is_read_once() {
    let mut log = ExportLog::new();
    let reader = log.join();
    for value in 0..10 {
        log.set(EntryIndex(7), Some((value, ALICE)), nobody);
        log.set(EntryIndex(3), Some((value, ALICE)), nobody);
    }
    let batch = log.batch(log.cursor(reader), 100);
    assert_eq!(entries(&batch), [(7, Some(9)), (3, Some(9))]);
    log.advance(reader, batch.end);
    assert!(!log.is_behind(reader));
}

#[test]
fn equal_value_and_source_is_no_change_and_another_source_is() {
    let mut log = ExportLog::new();
    assert_eq!(log.set(EntryIndex(0), Some((1, ALICE)), nobody), Change::Filled);
    assert_eq!(log.set(EntryIndex(0), Some((1, ALICE)), nobody), Change::None);
    assert_eq!(log.set(EntryIndex(0), Some((1, BOB)), nobody), Change::Replaced(1));
    assert_eq!(log.set(EntryIndex(0), None, nobody), Change::Replaced(1));
    assert_eq!(log.set(EntryIndex(0), None, nobody), Change::None);
    assert_eq!(log.set(EntryIndex(0), Some((2, BOB)), nobody), Change::Revived);
}

#[test]
fn a_withdrawal_waits_for_the_slowest_reader() {
    let mut log = ExportLog::new();
    let (fast, slow) = (log.join(), log.join());
    log.set(EntryIndex(5), Some((1, ALICE)), nobody);
    for reader in [fast, slow] {
        assert_eq!(log.advance(reader, 1), []);
    }
    log.set(EntryIndex(5), None, nobody);
    assert_eq!(log.advance(fast, 2), []);
    assert_eq!(entries(&log.batch(log.cursor(slow), 100)), [(5, None)]);
    assert_eq!(log.advance(slow, 2), [EntryIndex(5)]);
    assert_eq!(log.slot(EntryIndex(5)), Slot::Empty);
}

#[test]
fn the_slowest_reader_leaving_settles_what_waited_for_it() {
    let mut log = ExportLog::new();
    let (fast, slow) = (log.join(), log.join());
    log.set(EntryIndex(5), Some((1, ALICE)), nobody);
    log.set(EntryIndex(5), None, nobody);
    assert_eq!(log.advance(fast, 2), []);
    assert_eq!(log.leave(slow), [EntryIndex(5)]);
}

#[test]
fn a_new_reader_is_told_everything_and_a_rewound_one_again() {
    let mut log = ExportLog::new();
    let first = log.join();
    log.set(EntryIndex(1), Some((1, ALICE)), nobody);
    log.advance(first, 1);
    let second = log.join();
    assert_eq!(entries(&log.batch(log.cursor(second), 100)), [(1, Some(1))]);
    log.rewind(first);
    assert_eq!(entries(&log.batch(log.cursor(first), 100)), [(1, Some(1))]);
}

#[test]
fn the_source_is_withdrawn_from_only_where_it_may_hold_another_path() {
    let mut log = ExportLog::new();
    let alice = log.join();
    let reader_of = |peer| (peer == ALICE).then_some(alice);
    let flag = |log: &ExportLog<u32>, entry: u32| match log.slot(EntryIndex(entry)) {
        Slot::Exported(_, record) | Slot::Withdrawn(record) => record.source_may_hold,
        Slot::Empty => false,
    };
    log.set(EntryIndex(0), Some((1, ALICE)), reader_of);
    assert!(!flag(&log, 0), "Alice's own first announcement");
    log.set(EntryIndex(1), Some((1, BOB)), reader_of);
    log.advance(alice, log.end());
    log.set(EntryIndex(1), Some((2, ALICE)), reader_of);
    assert!(flag(&log, 1), "Alice was told of Bob's path, and now the best one is her own");
    log.set(EntryIndex(1), Some((3, ALICE)), reader_of);
    assert!(flag(&log, 1), "Alice was not told yet");
    log.advance(alice, log.end());
    log.set(EntryIndex(1), Some((4, ALICE)), reader_of);
    assert!(!flag(&log, 1), "Alice knows");
    log.set(EntryIndex(1), None, reader_of);
    assert!(!flag(&log, 1), "Alice withdrew her own path");
}

#[test]
fn rewriting_keeps_what_each_reader_has_still_to_be_told() {
    let mut log = ExportLog::new();
    let (start, middle, end) = (log.join(), log.join(), log.join());
    let count = 3000u32;
    for entry in 0..count {
        log.set(EntryIndex(entry), Some((0, ALICE)), nobody);
    }
    log.advance(middle, count / 2);
    log.advance(end, count);
    for entry in 0..count - 10 {
        log.set(EntryIndex(entry), Some((1, ALICE)), nobody);
    }
    for entry in 0..count - 10 {
        log.set(EntryIndex(entry), Some((2, ALICE)), nobody);
    }
    let untold = |log: &ExportLog<u32>, reader| entries(&log.batch(log.cursor(reader), usize::MAX));
    let before = [start, middle, end].map(|reader| untold(&log, reader));
    assert_eq!(before.each_ref().map(Vec::len), [3000, 3000, 2990]);
    log.rewrite_if_stale();
    assert_eq!(log.rewrites(), 1);
    assert_eq!(log.end(), count);
    assert_eq!([start, middle, end].map(|reader| untold(&log, reader)), before);
}

#[test]
fn exports_are_counted_without_those_of_the_reader_itself() {
    let mut log = ExportLog::new();
    log.set(EntryIndex(0), Some((1, ALICE)), nobody);
    log.set(EntryIndex(1), Some((1, BOB)), nobody);
    log.set(EntryIndex(2), Some((1, BOB)), nobody);
    log.set(EntryIndex(2), Some((1, ALICE)), nobody);
    log.set(EntryIndex(1), None, nobody);
    assert_eq!((log.exported_to(ALICE), log.exported_to(BOB)), (0, 2));
}
