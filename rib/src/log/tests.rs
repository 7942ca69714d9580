//! The log by itself: cursors, waiting withdrawals, withdrawals towards sources, compaction.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const ALICE: PeerIndex = PeerIndex(1);
const BOB: PeerIndex = PeerIndex(2);

fn no_reader(_: PeerIndex) -> Option<ReaderId> {
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
        log.set(SlotIndex(7), Some((value, ALICE)), no_reader);
        log.set(SlotIndex(3), Some((value, ALICE)), no_reader);
    }
    let batch = log.batch(log.reading(reader).cursor(), 100);
    assert_eq!(entries(&batch), [(7, Some(9)), (3, Some(9))]);
    log.advance(reader, batch.end);
    assert!(!log.reading(reader).is_behind());
}

#[test]
fn equal_value_and_source_is_no_change_and_another_source_is() {
    let mut log = ExportLog::new();
    assert_eq!(log.set(SlotIndex(0), Some((1, ALICE)), no_reader), Change::Filled);
    assert_eq!(log.set(SlotIndex(0), Some((1, ALICE)), no_reader), Change::None);
    assert_eq!(log.set(SlotIndex(0), Some((1, BOB)), no_reader), Change::Replaced(1));
    assert_eq!(log.set(SlotIndex(0), None, no_reader), Change::Replaced(1));
    assert_eq!(log.set(SlotIndex(0), None, no_reader), Change::None);
    assert_eq!(log.set(SlotIndex(0), Some((2, BOB)), no_reader), Change::Revived);
}

#[test]
fn a_withdrawal_waits_for_the_slowest_reader() {
    let mut log = ExportLog::new();
    let (fast, slow) = (log.join(), log.join());
    log.set(SlotIndex(5), Some((1, ALICE)), no_reader);
    for reader in [fast, slow] {
        assert_eq!(log.advance(reader, 1), []);
    }
    log.set(SlotIndex(5), None, no_reader);
    assert_eq!(log.advance(fast, 2), []);
    assert_eq!(entries(&log.batch(log.reading(slow).cursor(), 100)), [(5, None)]);
    assert_eq!(log.advance(slow, 2), [SlotIndex(5)]);
    assert_eq!(log.slot(SlotIndex(5)), Slot::Empty);
}

#[test]
fn the_slowest_reader_leaving_settles_what_waited_for_it() {
    let mut log = ExportLog::new();
    let (fast, slow) = (log.join(), log.join());
    log.set(SlotIndex(5), Some((1, ALICE)), no_reader);
    log.set(SlotIndex(5), None, no_reader);
    assert_eq!(log.advance(fast, 2), []);
    log.leave(slow);
    assert_eq!(log.settle(), [SlotIndex(5)]);
}

#[test]
fn a_new_reader_reads_everything_and_a_rewound_one_again() {
    let mut log = ExportLog::new();
    let first = log.join();
    log.set(SlotIndex(1), Some((1, ALICE)), no_reader);
    log.advance(first, 1);
    let second = log.join();
    assert_eq!(entries(&log.batch(log.reading(second).cursor(), 100)), [(1, Some(1))]);
    log.rewind(first);
    assert_eq!(entries(&log.batch(log.reading(first).cursor(), 100)), [(1, Some(1))]);
}

#[test]
fn the_source_is_withdrawn_from_only_where_it_may_hold_another_path() {
    let mut log = ExportLog::new();
    let alice = log.join();
    let reader_of = |peer| (peer == ALICE).then_some(alice);
    let flag = |log: &ExportLog<u32>, entry: u32| match log.slot(SlotIndex(entry)) {
        Slot::Exported(_, record) | Slot::Withdrawn(record) => record.source_may_hold,
        Slot::Empty => false,
    };
    log.set(SlotIndex(0), Some((1, ALICE)), reader_of);
    assert!(!flag(&log, 0), "Alice's own first announcement");
    log.set(SlotIndex(1), Some((1, BOB)), reader_of);
    log.advance(alice, log.end());
    log.set(SlotIndex(1), Some((2, ALICE)), reader_of);
    assert!(flag(&log, 1), "Alice has read Bob's path, and now the best one is her own");
    log.set(SlotIndex(1), Some((3, ALICE)), reader_of);
    assert!(flag(&log, 1), "Alice has not read it yet");
    log.advance(alice, log.end());
    log.set(SlotIndex(1), Some((4, ALICE)), reader_of);
    assert!(!flag(&log, 1), "Alice knows");
    log.set(SlotIndex(1), None, reader_of);
    assert!(!flag(&log, 1), "Alice withdrew her own path");
}

/// A reader of a random history, with what it has read.
struct Holder {
    reader: ReaderId,
    held: BTreeMap<u32, u32>,
}

impl Holder {
    fn read(&mut self, log: &mut ExportLog<u32>, limit: usize) {
        let batch = log.batch(log.reading(self.reader).cursor(), limit);
        for (index, slot) in &batch.changes {
            match slot.value() {
                Some(value) => self.held.insert(index.0, value),
                None => self.held.remove(&index.0),
            };
        }
        log.advance(self.reader, batch.end);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Set { first: u8, count: u8, value: Option<u32> },
    Read { holder: usize, limit: usize },
    Join,
    Leave(usize),
    Rewind(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (any::<u8>(), any::<u8>(), proptest::option::of(0..5u32))
            .prop_map(|(first, count, value)| Step::Set { first, count, value }),
        8 => (0..4usize, 1..200usize).prop_map(|(holder, limit)| Step::Read { holder, limit }),
        1 => Just(Step::Join),
        1 => (0..4usize).prop_map(Step::Leave),
        1 => (0..4usize).prop_map(Step::Rewind),
    ]
}

proptest! {
    /// Over many segments and compactions, with positions that run out on the way.
    #[test]
    fn any_history_leaves_every_reader_with_what_is_exported(
        steps in proptest::collection::vec(step(), 1..120),
        is_nearly_used_up: bool,
    ) {
        let mut log = ExportLog::new();
        if is_nearly_used_up {
            log.records = Records::starting_at(u32::MAX / SEGMENT_RECORDS - 20);
            log.settled = log.end();
        }
        let mut exported = BTreeMap::new();
        let mut holders: Vec<Holder> = Vec::new();
        for step in steps {
            match step {
                Step::Set { first, count, value } => {
                    for index in (0..count).map(|offset| u32::from(first.wrapping_add(offset))) {
                        log.set(SlotIndex(index), value.map(|value| (value, ALICE)), no_reader);
                        match value {
                            Some(value) => exported.insert(index, value),
                            None => exported.remove(&index),
                        };
                    }
                }
                Step::Join => holders.push(Holder { reader: log.join(), held: BTreeMap::new() }),
                Step::Read { holder, limit } => {
                    if let Some(holder) = holders.get_mut(holder) {
                        holder.read(&mut log, limit);
                    }
                }
                Step::Leave(holder) if holder < holders.len() => {
                    let holder = holders.swap_remove(holder);
                    log.leave(holder.reader);
                }
                Step::Rewind(holder) if holder < holders.len() => log.rewind(holders[holder].reader),
                Step::Leave(_) | Step::Rewind(_) => {}
            }
        }
        for holder in &mut holders {
            while log.reading(holder.reader).is_behind() {
                holder.read(&mut log, 50);
            }
            prop_assert_eq!(&holder.held, &exported);
        }
        while !log.is_settled() {
            log.settle();
        }
        let empty = (0..256).filter(|&index| log.slot(SlotIndex(index)) == Slot::Empty).count();
        prop_assert_eq!(empty + exported.len(), 256, "no withdrawal waits");
    }
}

#[test]
fn changes_that_all_have_read_take_no_records() {
    let mut log = ExportLog::new();
    let reader = log.join();
    let count = SEGMENT_RECORDS * 20;
    for value in [Some((1, ALICE)), Some((2, ALICE)), None] {
        for index in 0..count {
            log.set(SlotIndex(index), value, no_reader);
        }
        log.advance(reader, log.end());
    }
    assert!(log.records.iter_from(0).count() < SEGMENT_RECORDS as usize, "one segment is being filled");
}

#[test]
fn a_reader_that_is_stuck_keeps_no_more_records_than_a_few_for_each_route() {
    let mut log = ExportLog::new();
    log.join();
    let up_to_date = log.join();
    let count = SEGMENT_RECORDS;
    let mut most = 0;
    for round in 0..100 {
        for index in 0..count {
            log.set(SlotIndex(index), Some((round, ALICE)), no_reader);
        }
        log.advance(up_to_date, log.end());
        most = most.max(log.records.iter_from(0).count());
    }
    assert!(most <= 3 * count as usize, "{most} records for {count} routes that changed 100 times");
}

#[test]
fn exports_are_counted_without_those_of_the_reader_itself() {
    let mut log = ExportLog::new();
    log.set(SlotIndex(0), Some((1, ALICE)), no_reader);
    log.set(SlotIndex(1), Some((1, BOB)), no_reader);
    log.set(SlotIndex(2), Some((1, BOB)), no_reader);
    log.set(SlotIndex(2), Some((1, ALICE)), no_reader);
    log.set(SlotIndex(1), None, no_reader);
    assert_eq!((log.exported_to(ALICE), log.exported_to(BOB)), (0, 2));
}
