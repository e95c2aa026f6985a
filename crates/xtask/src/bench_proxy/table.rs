//! The figures, on the terminal and as JSON.

use std::fmt::Write as _;

use anyhow::Result;
use serde_json::{Value, json};

use super::Contender;
use super::site::Reload;
use super::traffic::Traffic;
use crate::workspace;

/// Prints the table of a run and writes it.
pub fn show(contenders: &[Contender], kinds: &[Traffic], rounds: usize) -> Result<()> {
    let mut text = String::from(
        "| contender | CPU µs GET | added | quarter to three quarters | to a reader | least | added | p99 µs GET | CPU µs POST | added | quarter to three quarters | to a reader | least | added | p99 µs POST |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    let mut all = Vec::new();
    for contender in contenders {
        write!(text, "| {} ", contender.site.name)?;
        let mut entry = json!({"name": contender.site.name});
        for (kind, traffic) in kinds.iter().enumerate() {
            let samples = &contender.samples[kind];
            let base = &contenders[contender.base].samples[kind].cpu;
            let added = |base: &[f64]| {
                let pairs = samples.cpu.iter().zip(base);
                let added: Vec<f64> = pairs.map(|(own, base)| own - base).collect();
                quartiles(&added).map(|value| value / 1e3)
            };
            let [low, middle, high] = added(base);
            // What it adds to one that reads bodies, too: what looking at them costs.
            let scanning =
                contender.reader.map(|reader| added(&contenders[reader].samples[kind].cpu));
            let scanning_text =
                scanning.map_or("–".to_owned(), |[_, middle, _]| format!("{middle:.2}"));
            let cpu = quartiles(&samples.cpu)[1] / 1e3;
            let p99 = quartiles(&samples.p99)[1] / 1e3;
            // The round that least else came into. What comes into one only ever adds.
            let (least, least_of_base) = (least(&samples.cpu) / 1e3, least(base) / 1e3);
            let least_added = least - least_of_base;
            let is_base = std::ptr::eq(base, &samples.cpu);
            match is_base {
                true => write!(text, "| {cpu:.2} | – | – | – | {least:.2} | – | {p99:.0} ")?,
                false => write!(
                    text,
                    "| {cpu:.2} | {middle:.2} | {low:.2} to {high:.2} | {scanning_text} | {least:.2} | {least_added:.2} | {p99:.0} "
                )?,
            }
            entry[traffic.name] = json!({
                "cpu_us": cpu, "p99_us": p99, "least_cpu_us": least,
                "least_added_us": if is_base { Value::Null } else { json!(least_added) },
                "added_us": if is_base { Value::Null } else { json!([low, middle, high]) },
                "added_to_reader_us": scanning,
            });
        }
        text.push_str("|\n");
        all.push(entry);
    }
    text.push_str(
        "\n| contender | resident MB | private | shared | mapped set | reload ms | peak | with a new file ms | peak |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for (contender, entry) in contenders.iter().zip(&mut all) {
        let memory = contender.memory;
        let [resident, private, shared, set] =
            [memory.resident, memory.private, memory.shared, memory.set].map(megabytes);
        write!(
            text,
            "| {} | {resident:.1} | {private:.2} | {shared:.1} | {set:.1} ",
            contender.site.name
        )?;
        entry["memory_mb"] =
            json!({"resident": resident, "private": private, "shared": shared, "set": set});
        for (name, reloads) in ["reload", "reload_new_file"].into_iter().zip(&contender.reloads) {
            let figure = |of: fn(&Reload) -> f64| {
                quartiles(&reloads.iter().map(of).collect::<Vec<f64>>())[1]
            };
            let took = figure(|reload| reload.took.as_secs_f64() * 1e3);
            let peak = figure(|reload| reload.peak as f64 / reload.steady as f64);
            let (steady_mb, peak_mb) = (
                figure(|reload| megabytes(reload.steady)),
                figure(|reload| megabytes(reload.peak)),
            );
            write!(text, "| {took:.0} | {peak:.2} ({steady_mb:.1} to {peak_mb:.1} MB) ")?;
            entry[name] =
                json!({"ms": took, "peak": peak, "steady_mb": steady_mb, "peak_mb": peak_mb});
        }
        text.push_str("|\n");
    }
    println!("\n{text}");

    let folder = workspace::target().join("bench");
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("proxy.json");
    let result = json!({"rounds": rounds, "contenders": all});
    std::fs::write(&file, serde_json::to_string_pretty(&result)? + "\n")?;
    println!("wrote {}", file.display());
    Ok(())
}

/// The value that a quarter, half and three quarters of the values are below.
fn quartiles(values: &[f64]) -> [f64; 3] {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    [last / 4, last / 2, last * 3 / 4].map(|at| sorted.get(at).copied().unwrap_or(f64::NAN))
}

fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

/// From KiB to 10⁶ bytes.
fn megabytes(kibibytes: u64) -> f64 {
    kibibytes as f64 * 1_024.0 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_are_values_of_the_list() {
        assert_eq!(quartiles(&[5.0, 1.0, 4.0, 2.0, 3.0]), [2.0, 3.0, 4.0]);
        assert_eq!(quartiles(&[7.0]), [7.0; 3]);
        assert!(quartiles(&[])[1].is_nan());
    }
}
