//! Memory of the process, and how much the machine or its control group has.

use std::path::Path;

/// Resident memory of this process; `None` where the system does not say.
pub(crate) fn resident_octets() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    kibibytes(&status, "VmRSS:")
}

/// Gives memory that the C library keeps free back to the system. Takes some 0.1 ms for each MiB, and allocations of other threads may
/// wait for it. Other C libraries than glibc do so by themselves.
pub(super) fn return_free_memory() {
    #[cfg(target_env = "gnu")]
    #[expect(unsafe_code, reason = "malloc_trim has no safe interface")]
    // SAFETY: it takes no pointers, and any thread may call it at any time (malloc_trim(3): MT-Safe).
    unsafe {
        libc::malloc_trim(0);
    }
}

/// The memory that this process may use at most: that of the machine, or of a control group that it is in if that has less;
/// `None` where the system does not say.
pub(crate) fn available_octets() -> Option<u64> {
    let read = |file: &Path| std::fs::read_to_string(file).ok();
    let machine = read(Path::new("/proc/meminfo")).and_then(|text| kibibytes(&text, "MemTotal:"));
    let groups = read(Path::new("/proc/self/cgroup")).unwrap_or_default();
    let limits = limit_files(&groups).into_iter().filter_map(|file| limit_of(&read(Path::new(&file))?));
    limits.chain(machine).min()
}

/// The value of a line such as `MemTotal:       16384 kB`, in octets.
fn kibibytes(text: &str, key: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(key))?;
    let kibibytes: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// The files with the limits of the control groups in `/proc/self/cgroup`, inner and outer ones. In a container the root of the
/// hierarchy is often that of the container itself.
fn limit_files(groups: &str) -> Vec<String> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        let (root, name) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            "memory" => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            _ => continue,
        };
        let mut path = path.trim_end_matches('/');
        loop {
            files.push(format!("{root}{path}/{name}"));
            let Some((outer, _)) = path.rsplit_once('/') else { break };
            path = outer;
        }
    }
    files
}

/// A limit in octets; `None` for none.
fn limit_of(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_of_all_control_groups_around_the_process_apply() {
        assert_eq!(
            limit_files("0::/system.slice/margayd.service\n"),
            [
                "/sys/fs/cgroup/system.slice/margayd.service/memory.max",
                "/sys/fs/cgroup/system.slice/memory.max",
                "/sys/fs/cgroup/memory.max",
            ]
        );
        assert_eq!(
            limit_files("4:cpu:/x\n3:memory:/\n0::/\n"),
            ["/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory.max"]
        );
        assert_eq!(limit_files("nonsense"), Vec::<String>::new());
    }

    #[test]
    fn sizes_are_read_as_the_kernel_writes_them() {
        let meminfo = "MemTotal:       16384 kB\nMemFree: 1 kB\n";
        assert_eq!(kibibytes(meminfo, "MemTotal:"), Some(16 << 20));
        assert_eq!(limit_of("536870912\n"), Some(512 << 20));
        assert_eq!(limit_of("max\n"), None);
    }

    #[test]
    fn this_process_has_memory_and_the_machine_more() {
        let (resident, available) = (resident_octets(), available_octets());
        assert!(resident.is_some_and(|octets| octets > 100_000), "{resident:?}");
        assert!(available > resident, "{available:?}");
    }
}
