//! `stanch patch pull` from a web server with a certificate: whom it believes, and whom it does not.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};

use super::site::{Site, TOKEN};
use super::stage::Stage;
use crate::report::Report;

/// The status of a fetch that came to no answer.
const NO_ANSWER: i32 = 10;

pub fn run(report: &mut Report) -> Result<()> {
    let site = Site::start("localhost")?;
    let mut stage = Stage::new()?;
    stage.write("token", TOKEN)?;
    stage.write("tokens", "tst_9Xc4Vb7Nm2Qw5Er8Ty1Ui3Op6As0Df\n")?;
    stage.does(&["stanch key new key", "stanch key new --sign sign"])?;
    compile(&mut stage, &site, 1)?;
    let (here, authority) = (site.url("localhost"), site.authority());

    report.case("a certificate of a trusted authority", {
        says(&mut stage, &here, &authority, 0, &["live: taken: serial 1"])
    });
    report.case("what did not change is not sent again", {
        says(&mut stage, &here, &authority, 0, &["nothing new"]).and_then(|()| {
            let answers = site.answers()?;
            ensure!(answers == ["200", "304"], "it answered {answers:?}");
            Ok(())
        })
    });
    compile(&mut stage, &site, 2)?;
    let before = fs::read(stage.path("live"))?;
    let stranger = site.stranger()?;
    report.case("an authority that nobody knows", {
        says(&mut stage, &here, &stranger, NO_ANSWER, &["no answer: ", "UnknownIssuer"])
    });
    let other = site.url("127.0.0.1");
    report.case("a certificate for another name", {
        says(&mut stage, &other, &authority, NO_ANSWER, &["no answer: ", "not valid for name"])
    });
    report.case("no authority where one is named", {
        let nowhere = stage.path("nowhere.pem");
        says(&mut stage, &here, &nowhere, 2, &["SSL_CERT_FILE", "nowhere.pem"])
    });
    report.case("none of these asked for the set, or changed it", {
        let answers = site.answers()?;
        let same = fs::read(stage.path("live"))? == before;
        if answers.len() == 2 && same {
            Ok(())
        } else {
            Err(anyhow::anyhow!("{answers:?}, the same: {same}"))
        }
    });
    report.case("the next set, once all is right again", {
        says(&mut stage, &here, &authority, 0, &["live: taken: serial 2 in place of 1"])
    });
    Ok(())
}

fn compile(stage: &mut Stage, site: &Site, serial: u64) -> Result<()> {
    let served = site.served("live.set");
    let served = served.display();
    stage.does(&[
        &format!("stanch patch compile --key key --sign sign --serial {serial} -o {served} tokens"),
        // nginx makes the ETag of a file's length and of the second when it was written.
        &format!("touch --date=@{serial} {served}"),
    ])
}

/// A fetch that trusts this authority ends with this status and says these words, in one line if it fails.
fn says(stage: &mut Stage, url: &str, authority: &Path, status: i32, words: &[&str]) -> Result<()> {
    let outcome = stage.shell.run(&format!(
        "SSL_CERT_FILE={} stanch patch pull {url}/live.set -o live --public-key sign.pub --token-file token",
        authority.display()
    ))?;
    let all = outcome.all();
    ensure!(outcome.status == status, "ended with {}: {all}", outcome.status);
    ensure!(all.lines().count() == 1, "says more than a line: {all}");
    for words in words {
        ensure!(all.contains(words), "does not say `{words}`: {all}");
    }
    Ok(())
}
