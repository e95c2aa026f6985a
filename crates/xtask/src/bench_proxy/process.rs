//! What the kernel says of a process: its time on the processor, its memory, its children.

use std::path::Path;

use anyhow::{Context as _, Result};
use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_setaffinity};

/// The memory of a process in KiB.
#[derive(Clone, Copy, Default)]
pub struct Memory {
    /// In memory at all.
    pub resident: u64,
    /// Its own alone, the mapped set left out.
    pub private: u64,
    /// Shared with others, the mapped set left out.
    pub shared: u64,
    /// Of the mapped set.
    pub set: u64,
}

/// Nanoseconds that all threads of a process, and those alone, spent on a processor: user and system time.
pub fn nanoseconds(pid: u32) -> Result<u64> {
    let mut total = 0;
    for thread in threads(pid)? {
        let path = format!("/proc/{pid}/task/{thread}/schedstat");
        let text = std::fs::read_to_string(&path).context(path)?;
        total += text.split(' ').next().context("an empty schedstat")?.parse::<u64>()?;
    }
    Ok(total)
}

/// The children of a process.
pub fn children(pid: u32) -> Result<Vec<u32>> {
    let mut all = Vec::new();
    for thread in threads(pid)? {
        let path = format!("/proc/{pid}/task/{thread}/children");
        let text = std::fs::read_to_string(&path).context(path)?;
        all.extend(text.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
    }
    Ok(all)
}

/// Memory by mapping. `set` is the file that is told apart from the rest.
pub fn memory(pid: u32, set: Option<&Path>) -> Result<Memory> {
    let path = format!("/proc/{pid}/smaps");
    let text = std::fs::read_to_string(&path).context(path)?;
    Ok(memory_of(&text, set.map(|set| set.display().to_string()).as_deref()))
}

/// The proportional share of memory in KiB: those of several processes may be added.
pub fn share(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = std::fs::read_to_string(&path).context(path)?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    kibibytes(line.context("no Pss")?).context("no Pss")
}

/// Keeps every thread of a process, or the calling one, on one processor.
pub fn pin(pid: Option<u32>, processor: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(processor);
    let Some(pid) = pid else {
        return Ok(sched_setaffinity(None, &set)?);
    };
    for thread in threads(pid)? {
        let thread = Pid::from_raw(i32::try_from(thread)?);
        sched_setaffinity(thread, &set)?;
    }
    Ok(())
}

fn threads(pid: u32) -> Result<Vec<u32>> {
    let mut all = Vec::new();
    let path = format!("/proc/{pid}/task");
    for entry in std::fs::read_dir(&path).context(path)? {
        all.extend(entry?.file_name().to_string_lossy().parse::<u32>());
    }
    Ok(all)
}

fn memory_of(smaps: &str, set: Option<&str>) -> Memory {
    let mut memory = Memory::default();
    let mut in_set = false;
    for line in smaps.lines() {
        let Some((name, value)) = line.split_once(':') else { continue };
        if name.contains(' ') {
            // The head of a mapping: its device has a colon, its path is last.
            in_set = set.is_some_and(|set| line.contains(set));
            continue;
        }
        let Some(size) = kibibytes(value) else { continue };
        match name {
            "Rss" if in_set => {
                (memory.resident, memory.set) = (memory.resident + size, memory.set + size)
            }
            "Rss" => memory.resident += size,
            "Private_Clean" | "Private_Dirty" if !in_set => memory.private += size,
            "Shared_Clean" | "Shared_Dirty" if !in_set => memory.shared += size,
            _ => {}
        }
    }
    memory
}

fn kibibytes(value: &str) -> Option<u64> {
    value.trim().strip_suffix(" kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_set_is_told_apart() {
        let smaps = "\
7f00-7f01 r--s 00000000 fe:00 12 /tmp/a/patches\nSize: 99 kB\nRss: 40 kB\nPrivate_Clean: 40 kB\n\
7f02-7f03 rw-p 00000000 00:00 0 [heap]\nRss: 12 kB\nPrivate_Dirty: 8 kB\nShared_Clean: 4 kB\nVmFlags: rd wr\n";
        let memory = memory_of(smaps, Some("/tmp/a/patches"));
        assert_eq!((memory.resident, memory.set), (52, 40));
        assert_eq!((memory.private, memory.shared), (8, 4));
        assert_eq!(memory_of(smaps, None).private, 48);
    }
}
