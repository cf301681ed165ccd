//! What the surroundings may do to the program: full disks, folders that cannot
//! be written to, readers that go away, several processes at once. Each gives one
//! clear line and the right exit status, and nothing that was there is lost.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::program::{Folder, names};

const TRAIN: &str = "train digits.npy --layers 784,16 --json";

/// As if SIGPIPE had ended it.
const CLOSED_PIPE: i32 = 128 + 13;

fn folder() -> Folder {
    Folder::with_digits(0..100)
}

/// Says aloud that a test has not tested: what `println` says is only seen of
/// tests that fail.
fn skip(what: &str, why: &str) {
    let _ = writeln!(io::stderr(), "skipped: {what}: {why}");
}

/// Fails unless this is one line on stderr that says so, with status 1.
fn assert_fails(output: &Output, says: &[&str]) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.starts_with("error: "), "{stderr}");
    for says in says {
        assert!(stderr.contains(says), "{says}: {stderr}");
    }
}

/// A disk of its own, made in memory, that only the commands of one script see;
/// it vanishes with them.
struct Disk {
    script: String,
}

impl Disk {
    fn new(kilobytes: u32) -> Self {
        let script = format!(
            "mkdir disk && mount -t tmpfs -o size={kilobytes}k tmpfs disk || exit 99\n\
             try() {{ name=$1; shift; \"$PROGRAM\" \"$@\" >$name.out 2>$name.err; \
             echo $? >$name.status; }}\n"
        );
        Disk { script }
    }

    /// Runs a line of shell.
    fn line(&mut self, line: &str) -> &mut Self {
        self.script.push_str(line);
        self.script.push('\n');
        self
    }

    /// Runs the program, whose output is `NAME.out`, `NAME.err`, `NAME.status`.
    fn run(&mut self, name: &str, arguments: &str) -> &mut Self {
        self.line(&format!("try {name} {arguments}"))
    }

    /// False where the system lets nobody mount.
    fn play(&self, folder: &Folder) -> bool {
        let shell = |unshare: &[&str]| {
            let mut command = Command::new("unshare");
            command.args(unshare).args(["sh", "-c", &self.script]);
            command.env("PROGRAM", env!("CARGO_BIN_EXE_autoencoder"));
            command.current_dir(folder.path(""));
            command.stdin(Stdio::null()).output()
        };
        // As root, or as somebody who is root in a world of his own.
        for unshare in [&["-m"][..], &["-r", "-m"]] {
            match shell(unshare) {
                Ok(output) if output.status.success() => return true,
                _ => drop(fs::remove_dir(folder.path("disk"))),
            }
        }
        false
    }
}

/// What [`Disk::run`] has left.
fn outcome(folder: &Folder, name: &str) -> (i32, String) {
    let status = folder.text(&format!("{name}.status"));
    (
        status.trim().parse().unwrap(),
        folder.text(&format!("{name}.err")),
    )
}

fn assert_failed(folder: &Folder, name: &str, says: &[&str]) {
    let (status, stderr) = outcome(folder, name);
    assert_eq!(status, 1, "{name}: {stderr}");
    assert_eq!(stderr.lines().count(), 1, "{name}: {stderr}");
    for says in says {
        assert!(stderr.contains(says), "{name}: {says}: {stderr}");
    }
}

fn assert_done(folder: &Folder, name: &str) {
    assert_eq!(outcome(folder, name), (0, String::new()), "{name}");
}

#[test]
fn a_full_disk_stops_a_run_and_loses_nothing() {
    let folder = folder();
    folder.good(&format!("{TRAIN} --epochs 5 --out whole"));
    let mut disk = Disk::new(4096);
    disk.run("first", &format!("{TRAIN} --epochs 2 --out disk/run"))
        .run(
            "codes",
            "encode disk/run/model.safetensors digits.npy -o disk/codes.npy",
        )
        .line("ls -A disk/run > before")
        .line("cp disk/run/checkpoint.safetensors disk/codes.npy .")
        .line("cat /dev/zero > disk/filler 2> /dev/null")
        .run("full", "train --resume disk/run --epochs 5 --json")
        .line(
            "cmp checkpoint.safetensors disk/run/checkpoint.safetensors && ls -A disk/run > after",
        )
        .run("new", &format!("{TRAIN} --epochs 2 --out disk/new"))
        .run(
            "encode",
            "encode disk/run/model.safetensors digits.npy -o disk/codes.npy",
        )
        .line("cmp codes.npy disk/codes.npy && ls -A disk > names")
        .line("rm disk/filler")
        .run("again", "train --resume disk/run --epochs 5 --json")
        .line("cp -r disk/run run");
    if !disk.play(&folder) {
        return skip("a full disk", "nothing can be mounted here");
    }
    assert_done(&folder, "first");
    assert_done(&folder, "codes");
    let full = "No space left on device";
    assert_failed(&folder, "full", &[full, "after epoch 2 is in disk/run"]);
    assert_failed(&folder, "new", &[full, "disk/new"]);
    assert_failed(&folder, "encode", &[full, "disk/codes.npy"]);
    // The checkpoint is what it was, and there are no others than the files of before.
    assert_eq!(folder.text("after"), folder.text("before"));
    assert_eq!(folder.text("names"), "codes.npy\nfiller\nrun\n");
    assert_done(&folder, "again");
    for name in ["model.safetensors", "best.safetensors"] {
        assert_eq!(folder.read("run", name), folder.read("whole", name));
    }
    assert_eq!(folder.history("run"), folder.history("whole"));
}

/// The same wherever there is a shell: no file may be larger than 16 KiB.
#[test]
fn a_file_that_cannot_grow_is_an_error() {
    let folder = folder();
    folder.good(&format!("{TRAIN} --epochs 1 --out run"));
    let before = names(&folder.path("run"));
    let checkpoint = folder.read("run", "checkpoint.safetensors");
    let limited = |arguments: &str| {
        // The signal would end the program before it can say a word.
        let script = "trap '' XFSZ; ulimit -f 32; exec \"$0\" \"$@\"";
        let mut command = Command::new("sh");
        command.args(["-c", script, env!("CARGO_BIN_EXE_autoencoder")]);
        command.args(arguments.split_whitespace());
        command.current_dir(folder.path("")).output().unwrap()
    };
    let (large, kept) = ("File too large", "after epoch 1 is in run");
    assert_fails(&limited("train --resume run --epochs 2"), &[large, kept]);
    assert_eq!(folder.read("run", "checkpoint.safetensors"), checkpoint);
    assert_eq!(names(&folder.path("run")), before);
    assert_fails(&limited(&format!("{TRAIN} --epochs 2 --out new")), &[large]);
    let reconstruct = "reconstruct run/model.safetensors digits.npy -o x.npy";
    assert_fails(&limited(reconstruct), &[large, "x.npy"]);
    assert_eq!(folder.names(), ["digits.npy", "run"]);
    folder.good("train --resume run --epochs 2");
}

/// What cannot be written to, for any reason, is found out before an epoch is
/// trained.
fn refuses_to_write(folder: &Folder, failed: impl Fn(&str) -> Output, says: &str) {
    let untouched = |name: &str| {
        (
            names(&folder.path("closed")),
            folder.read(name, "model.safetensors"),
        )
    };
    let before = untouched("closed/run");
    for (arguments, what) in [
        (
            format!("{TRAIN} --epochs 4000000000 --out closed/new"),
            "closed/new",
        ),
        (
            format!("{TRAIN} --epochs 4000000000 --out closed/run --force"),
            "closed/run",
        ),
        (
            "train --resume closed/run --epochs 4000000000".to_owned(),
            "closed/run",
        ),
        (
            "encode closed/run/model.safetensors digits.npy -o closed/codes.npy".to_owned(),
            "closed/codes.npy",
        ),
    ] {
        let output = failed(&arguments);
        assert_fails(&output, &[says, what]);
        assert_eq!(output.stdout, b"", "{arguments}");
    }
    assert_eq!(untouched("closed/run"), before);
}

#[test]
fn a_read_only_disk_is_read() {
    let folder = folder();
    let mut disk = Disk::new(4096);
    disk.run("first", &format!("{TRAIN} --epochs 1 --out disk/run"))
        .line("ls -A disk/run > before")
        .line("mount -o remount,ro disk")
        .run(
            "new",
            &format!("{TRAIN} --epochs 4000000000 --out disk/new"),
        )
        .run(
            "force",
            &format!("{TRAIN} --epochs 4000000000 --out disk/run --force"),
        )
        .run("resume", "train --resume disk/run --epochs 4000000000")
        .run(
            "encode",
            "encode disk/run/model.safetensors digits.npy -o disk/codes.npy",
        )
        .run(
            "elsewhere",
            "encode disk/run/model.safetensors digits.npy -o codes.npy",
        )
        .line("ls -A disk/run > after");
    if !disk.play(&folder) {
        return skip("a read-only disk", "nothing can be mounted here");
    }
    assert_done(&folder, "first");
    for name in ["new", "force", "resume", "encode"] {
        assert_failed(&folder, name, &["Read-only file system", "disk/"]);
    }
    assert_done(&folder, "elsewhere");
    assert_eq!(folder.text("after"), folder.text("before"));
}

/// Root may do anything, so that it must become somebody else.
#[test]
fn a_missing_permission_is_an_error() {
    const NOBODY: u32 = 65534;
    let folder = folder();
    folder.good(&format!("{TRAIN} --epochs 1 --out closed/run"));
    fs::copy(folder.path("digits.npy"), folder.path("secret.npy")).unwrap();
    let allow = |name: &str, mode| {
        fs::set_permissions(folder.path(name), Permissions::from_mode(mode)).unwrap();
    };
    allow("", 0o755);
    allow("secret.npy", 0o000);
    allow("closed/run", 0o555);
    allow("closed", 0o555);
    let is_root = fs::metadata(folder.path("digits.npy")).unwrap().uid() == 0;
    let run = |arguments: &str| {
        let mut command = folder.command(arguments);
        if is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        command.output()
    };
    if run("info closed/run/model.safetensors").is_ok_and(|output| output.status.success()) {
        let failed = |arguments: &str| run(arguments).unwrap();
        refuses_to_write(&folder, failed, "ermission denied");
        assert_fails(
            &failed("train secret.npy --out x"),
            &["secret.npy", "ermission denied"],
        );
        allow("closed", 0o000);
        let closed = failed("train --resume closed/run");
        assert_fails(&closed, &["closed/run", "ermission denied"]);
    } else {
        skip("missing permissions", "nobody else may run the program");
    }
    // So that the folder can be removed.
    allow("closed", 0o755);
    allow("closed/run", 0o755);
}

#[test]
fn nobody_who_reads_is_no_error() {
    let folder = Folder::with_model();
    symlink("/dev/stdout", folder.path("pipe.npy")).unwrap();
    for arguments in [
        "presets",
        "info run/model.safetensors",
        "evaluate run/model.safetensors digits.npy",
        "train digits.npy --layers 784,4 --epochs 2 --out people",
        "train digits.npy --layers 784,4 --epochs 2 --out programs --json",
        "train digits.npy --layers 784,9,4 --epochs 2 --pretrain 2 --out layers",
        "encode run/model.safetensors digits.npy -o pipe.npy",
    ] {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let child = folder
            .command(arguments)
            .stdout(writer)
            .stderr(Stdio::piped())
            .spawn();
        let output = child.unwrap().wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            output.status.code(),
            Some(CLOSED_PIPE),
            "{arguments}: {stderr}"
        );
        assert_eq!(stderr, "", "{arguments}");
    }
    // What was trained until then is safe: all of it where there is but a table to
    // tell, an epoch, a layer.
    assert_eq!(folder.history("people").len(), 2);
    assert_eq!(folder.history("programs").len(), 1);
    let layers = folder.text("layers/pretraining.csv");
    assert_eq!(layers.lines().count(), 1 + 2, "{layers}");
    let more = folder.good("train --resume layers --json");
    assert!(more.starts_with("{\"layer\":1"), "{more}");
    folder.good("train --resume programs");
    assert_eq!(
        folder.read("people", "model.safetensors"),
        folder.read("programs", "model.safetensors")
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_device_is_an_error() {
    let folder = Folder::with_model();
    symlink("/dev/full", folder.path("full.npy")).unwrap();
    let full = "No space left on device";
    folder.bad("encode run/model.safetensors digits.npy -o full.npy", full);
    let into_full = |arguments: &str| {
        let stdout = File::options().write(true).open("/dev/full").unwrap();
        let child = folder
            .command(arguments)
            .stdout(stdout)
            .stderr(Stdio::piped())
            .spawn();
        child.unwrap().wait_with_output().unwrap()
    };
    let stdout = "cannot write to stdout";
    assert_fails(&into_full("info run/model.safetensors"), &[stdout, full]);
    let train = "train digits.npy --layers 784,4 --epochs 4000000000 --out x --json";
    assert_fails(&into_full(train), &[stdout, full, "after epoch 1 is in x"]);
    assert_eq!(folder.history("x").len(), 1);
}

#[test]
fn of_many_processes_at_once_one_trains() {
    let folder = folder();
    folder.good(&format!("{TRAIN} --epochs 3 --out whole"));
    for round in 0..3 {
        let run = format!("run{round}");
        let children: Vec<_> = (0..6)
            .map(|_| {
                let mut command = folder.command(&format!("{TRAIN} --epochs 3 --out {run}"));
                command
                    .stdout(Stdio::null())
                    .stderr(Stdio::piped())
                    .spawn()
                    .unwrap()
            })
            .collect();
        let outputs = children
            .into_iter()
            .map(|child| child.wait_with_output().unwrap());
        let (trained, refused): (Vec<_>, Vec<_>) =
            outputs.partition(|output| output.status.success());
        assert_eq!(trained.len(), 1);
        for output in refused {
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_fails(&output, &[&run]);
            let says = ["another process is training in", "holds files already"];
            assert!(says.iter().any(|says| stderr.contains(says)), "{stderr}");
        }
        assert_same_runs(&folder.path(&run), &folder.path("whole"));
    }
}

fn assert_same_runs(run: &Path, whole: &Path) {
    assert_eq!(names(run), names(whole));
    for name in ["model.safetensors", "best.safetensors"] {
        assert_eq!(
            fs::read(run.join(name)).unwrap(),
            fs::read(whole.join(name)).unwrap()
        );
    }
}
