//! Trainings killed at random moments: what they leave can be loaded, and goes on
//! to the bits of one that was never stopped.

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use autoencoder::model::Checkpoint;

use crate::program::{Folder, names};

const SIGKILL: i32 = 9;

/// How it went.
#[derive(Debug, Default)]
struct Tally {
    /// Before the first checkpoint was there.
    early: u32,
    /// With a checkpoint.
    late: u32,
    /// While a file was being written: half of it was left.
    writing: u32,
    /// Runs that came to their end, after all.
    runs: u32,
}

/// Somewhere between 0 and 1.
fn random() -> f64 {
    RandomState::new().hash_one(0) as f64 / u64::MAX as f64
}

/// Trains runs to their end, over and over, and kills them on the way until it
/// has done so `kills` times.
fn kill(kills: u32) -> Tally {
    let folder = Folder::with_digits(0..300);
    // So many weights that a good part of the time goes into saving them.
    let train = "train digits.npy --layers 784,128 --epochs 8 --noise masking:0.2 \
                 --validation-split 0.1 --json";
    let start = Instant::now();
    folder.good(&format!("{train} --out whole"));
    // Of a run; on a machine with other work, the shortest so far.
    let mut whole = start.elapsed();

    let (run, checkpoint) = ("run", folder.path("run/checkpoint.safetensors"));
    let mut tally = Tally::default();
    while tally.early + tally.late < kills {
        // The epochs that are safe, once some are.
        let mut safe = None;
        loop {
            // Without --force: what was killed early is no obstacle.
            let arguments = match safe {
                None => format!("{train} --out {run}"),
                Some(_) => format!("train --resume {run} --json"),
            };
            let mut command = folder.command(&arguments);
            command.stdout(Stdio::null()).stderr(Stdio::piped());
            let mut child = command.spawn().unwrap();
            let (start, moment) = (Instant::now(), whole.mul_f64(random()));
            while start.elapsed() < moment && child.try_wait().unwrap().is_none() {
                std::thread::sleep(Duration::from_millis(1));
            }
            let _ = child.kill();
            let output = child.wait_with_output().unwrap();
            let ended = output.status.signal() != Some(SIGKILL);
            if ended {
                let stderr = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "{arguments}: {stderr}");
                if safe.is_none() {
                    whole = whole.min(start.elapsed());
                }
            }
            if checkpoint.exists() {
                let epochs = Checkpoint::load(&checkpoint).unwrap().epochs().len();
                assert!(safe.is_none_or(|before| before <= epochs), "{epochs}");
                safe = Some(epochs);
            }
            assert!(
                safe.is_none() || checkpoint.exists(),
                "the checkpoint is gone"
            );
            if ended {
                break;
            }
            match safe {
                None => tally.early += 1,
                Some(_) => tally.late += 1,
            }
            if !folder.path(run).exists() {
                continue;
            }
            let left = names(&folder.path(run));
            tally.writing += u32::from(left.iter().any(|name| name.ends_with(".tmp")));
        }
        tally.runs += 1;
        for name in ["model.safetensors", "best.safetensors", "loss.svg"] {
            assert_eq!(folder.read(run, name), folder.read("whole", name), "{name}");
        }
        assert_eq!(folder.history(run), folder.history("whole"));
        assert_eq!(names(&folder.path(run)), names(&folder.path("whole")));
        fs::remove_dir_all(folder.path(run)).unwrap();
    }
    tally
}

#[test]
fn a_killed_training_goes_on_to_the_same_bits() {
    let tally = kill(8);
    assert!(tally.runs > 0, "{tally:?}");
}

/// `cargo test --test cli two_hundred -- --ignored --nocapture`
#[test]
#[ignore = "takes minutes; CONTRIBUTING.md has the command"]
fn two_hundred_kills() {
    let start = Instant::now();
    let tally = kill(200);
    let Tally {
        early,
        late,
        writing,
        runs,
    } = tally;
    println!(
        "{} kills, {writing} of them while a file was being written: {early} before the first \
         checkpoint, after {late} the run went on from it; {runs} runs came to their end, all \
         with the bits of one that nobody disturbed ({:.0?})",
        early + late,
        start.elapsed().max(Duration::from_secs(1)),
    );
    assert!(writing > 0, "no kill has met a file that was being written");
}
