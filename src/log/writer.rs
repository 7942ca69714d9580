//! The thread that writes log lines.

use std::io::{self, Write};
use std::thread;

use tracing::warn;

use super::LogQueue;

/// Starts the thread. It may block in a write for as long as the output does, and lives as long as the
/// process.
///
/// # Errors
///
/// The thread cannot be started.
pub(super) fn spawn(queue: LogQueue, output: impl Write + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name("log".to_owned()).spawn(move || run(&queue, output))?;
    Ok(())
}

fn run(queue: &LogQueue, mut output: impl Write) {
    let mut reported = 0;
    loop {
        let line = queue.next();
        // The reader has gone, or the disk is full, which may be different for the next line.
        if output.write_all(&line).and_then(|()| output.flush()).is_err() {
            queue.on_lost();
            continue;
        }
        let dropped = queue.dropped();
        if dropped > reported {
            warn!(lines = dropped - reported, "log lines were dropped: the log was full, closed or too slow");
            reported = dropped;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    /// An output that treats each line as the test says.
    struct Output {
        results: mpsc::Receiver<io::Result<()>>,
        written: mpsc::Sender<String>,
    }

    impl Write for Output {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.results.recv().map_err(io::Error::other)??;
            self.written.send(String::from_utf8_lossy(line).into_owned()).map_err(io::Error::other)?;
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn log(room_octets: usize) -> (LogQueue, mpsc::Sender<io::Result<()>>, mpsc::Receiver<String>) {
        let queue = LogQueue::new(room_octets);
        let (result, results) = mpsc::channel();
        let (written, lines) = mpsc::channel();
        spawn(queue.clone(), Output { results, written }).unwrap();
        (queue, result, lines)
    }

    #[test]
    fn a_slow_output_loses_what_does_not_fit_and_nothing_else() {
        let (queue, result, lines) = log(6);
        queue.push(b"one\n");
        // It is being written now, and no longer counts.
        while queue.waiting_octets() > 0 {
            thread::yield_now();
        }
        for line in [b"two\n", b"333\n", b"444\n"] {
            queue.push(line);
        }
        assert_eq!(queue.dropped(), 2, "the queue has room for one");
        for expected in ["one\n", "two\n"] {
            result.send(Ok(())).unwrap();
            assert_eq!(lines.recv_timeout(PATIENCE).unwrap(), expected);
        }
        queue.push(b"five\n");
        result.send(Ok(())).unwrap();
        assert_eq!(lines.recv_timeout(PATIENCE).unwrap(), "five\n");
    }

    #[test]
    fn an_output_that_fails_costs_its_line_only() {
        let (queue, result, lines) = log(1 << 10);
        for failure in [io::ErrorKind::BrokenPipe, io::ErrorKind::StorageFull] {
            queue.push(b"lost\n");
            result.send(Err(failure.into())).unwrap();
        }
        queue.push(b"kept\n");
        result.send(Ok(())).unwrap();
        assert_eq!(lines.recv_timeout(PATIENCE).unwrap(), "kept\n");
        assert_eq!(queue.dropped(), 2);
    }

    #[test]
    fn the_end_waits_for_the_last_line_but_not_forever() {
        let (queue, result, lines) = log(1 << 10);
        queue.await_empty(PATIENCE);
        queue.push(b"last\n");
        queue.await_empty(Duration::from_millis(1));
        result.send(Ok(())).unwrap();
        queue.await_empty(PATIENCE);
        assert_eq!(lines.try_recv().unwrap(), "last\n");
    }
}
