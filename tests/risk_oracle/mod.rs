//! A naive model of risk, written from its text in `docs/risk.md`. It shares no code with the library and
//! knows factors by their numbers in a table, from the best to the worst.

/// A token's factors as places in the model's lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Given {
    /// Public identifier, read, write or unknown, payment or deploy, admin.
    pub(crate) privilege: usize,
    /// Narrow, some, wide.
    pub(crate) breadth: usize,
    /// Private, internal, cleartext, app, web page, bucket or paste, public repository, market.
    pub(crate) channel: usize,
    /// How many sources.
    pub(crate) sources: u32,
    /// None, breach data, attempted, accepted.
    pub(crate) exploitation: usize,
    /// Whole days.
    pub(crate) days: u32,
    /// Test, unknown, production.
    pub(crate) environment: usize,
    /// Rotated, in time, unknown, overdue.
    pub(crate) rotation: usize,
    /// Invalid, unverified, valid.
    pub(crate) validity: usize,
    /// Entropy only.
    pub(crate) generic: bool,
    /// By its context.
    pub(crate) contextual: bool,
    /// Half of a pair.
    pub(crate) half: bool,
}

/// The score, step by step.
pub(crate) fn score(given: &Given) -> i32 {
    let mut impact = [4, 14, 22, 30, 36][given.privilege];
    let privilege = impact;
    impact += [0, 2, 4][given.breadth];
    if impact > 40 {
        impact = 40;
    }

    let mut exposure = [4, 8, 12, 16, 18, 20, 22, 25][given.channel];
    if given.sources == 2 {
        exposure += 1;
    } else if given.sources == 3 {
        exposure += 2;
    } else if given.sources > 3 {
        exposure += 3;
    }
    if exposure > 25 {
        exposure = 25;
    }

    let exploitation = [0, 8, 14, 20][given.exploitation];

    let mut time = 0;
    let mut days = given.days;
    while days > 0 {
        time += 2;
        days /= 2;
    }
    if time > 10 {
        time = 10;
    }

    let circumstances = [0, 2, 3][given.environment] + [0, 0, 1, 2][given.rotation];

    let mut score = impact + exposure + exploitation + time + circumstances;

    let accepted = given.exploitation == 3;
    let attempts = given.exploitation >= 2;
    let breach_data = given.exploitation >= 1;
    let exposed = privilege >= 30 && exposure >= 16;
    let breached = privilege >= 30 && breach_data;
    let attempted = privilege >= 22 && attempts;
    if (exposed || breached || attempted) && score < 70 {
        score = 70;
    }
    if accepted && score < 90 {
        score = 90;
    }

    let mut cap = |applies: bool, most: i32| {
        if applies && score > most {
            score = most;
        }
    };
    cap(given.validity == 0 || given.rotation == 0, 15);
    cap(given.validity == 1 && !accepted, 89);
    cap(given.generic, 44);
    cap(given.contextual, 69);
    cap(given.privilege == 0, 19);
    cap(given.half, 69);
    score
}

/// The level's name.
pub(crate) fn level(score: i32) -> &'static str {
    match score {
        ..20 => "informational",
        20..45 => "low",
        45..70 => "medium",
        _ => "high",
    }
}

/// Points and grade of some tokens, each with a name, a score and a share in per cent: of each name the worst.
pub(crate) fn grade(tokens: &[(u64, i32, i32)]) -> (i32, &'static str) {
    let mut names: Vec<u64> = tokens.iter().map(|token| token.0).collect();
    names.sort_unstable();
    names.dedup();
    let mut scores = Vec::new();
    for name in names {
        let of_name = tokens.iter().filter(|token| token.0 == name);
        scores.push(of_name.map(|(_, score, share)| score * share / 100).max().unwrap_or(0));
    }
    let worst = scores.iter().copied().max().unwrap_or(0);
    let sum: i32 = scores.iter().sum();
    let points = 100.min(worst + 15.min((sum - worst) / 20));
    let grade = match points {
        ..10 => "A",
        10..25 => "B",
        25..45 => "C",
        45..70 => "D",
        _ => "F",
    };
    (points, grade)
}
