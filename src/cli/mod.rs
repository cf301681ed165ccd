//! The command line: one file for each subcommand.
//!
//! | file | what |
//! |---|---|
//! | `train.rs`, `presets.rs`, `evaluate.rs`, `encode.rs`, `decode.rs`, `reconstruct.rs`, `score.rs`, `compare.rs`, `generate.rs`, `compress.rs`, `decompress.rs`, `export.rs`, `info.rs` | the subcommands |
//! | `model_options.rs` | `--layers`, `--hidden`, …, `--init`: which model to train |
//! | `training_options.rs` | `--optimizer`, `--epochs`, …: how |
//! | `regularization_options.rs` | `--noise`, `--dropout`, `--code-l1`, …: against learning by heart |
//! | `pretraining.rs` | `--pretrain`: the layers one after another |
//! | `denoising.rs` | how well a denoiser mends samples |
//! | `data_options.rs` | `--label-column`, `--frame`, …: how to read `DATA` |
//! | `source.rs` | `DATA`, `--validation`, …: on what |
//! | `note.rs` | what a checkpoint remembers for the command line |
//! | `samples.rs` | `DATA`, `--labels`, …: on what a model is used |
//! | `run_directory.rs` | `--out`, `--resume`: one process at a time, nothing overwritten, every file whole |
//! | `pictures.rs` | the pictures that a run leaves behind, a function each |
//! | `interrupt.rs` | Ctrl-C and SIGTERM |
//! | `watch.rs` | progress for people, and lines for programs |
//! | `matrix_file.rs` | `.npy` or `.csv`, by the ending |
//! | `sample_file.rs` | samples as numbers, or as what they were |
//! | `values.rs` | the values of options, parsed |
//! | `console.rs` | stdout that may be closed, failures, exit statuses |

mod compare;
mod compress;
mod console;
mod data_options;
mod decode;
mod decompress;
mod denoising;
mod encode;
mod evaluate;
mod export;
mod generate;
mod info;
mod interrupt;
mod matrix_file;
mod model_options;
mod note;
mod pictures;
mod presets;
mod pretraining;
mod reconstruct;
mod regularization_options;
mod run_directory;
mod sample_file;
mod samples;
mod score;
mod source;
mod train;
mod training_options;
mod values;
mod watch;

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::num::NonZeroUsize;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use console::Failure;

use crate::Level;

/// Train autoencoders on the CPU, and use them.
#[derive(Parser)]
#[command(version, about, arg_required_else_help = true, after_help = EXIT_STATUS)]
struct Arguments {
    #[command(subcommand)]
    command: Command,

    /// Threads to use; all, if left out. The results are the same, bit for bit
    #[arg(long, global = true, value_name = "N")]
    threads: Option<NonZeroUsize>,
}

#[derive(Subcommand)]
enum Command {
    /// Train a model
    Train(Box<train::Train>),
    /// List the programs that `train --preset` knows
    Presets(presets::Presets),
    /// Print the losses of a model on data
    Evaluate(evaluate::Evaluate),
    /// Write the codes of samples
    Encode(encode::Encode),
    /// Write what codes stand for
    Decode(decode::Decode),
    /// Write what is left of samples after the way through the code
    Reconstruct(reconstruct::Reconstruct),
    /// Write the reconstruction error of each sample
    Score(score::Score),
    /// Compare the codes of a model with PCA and with no code at all: errors, time,
    /// and how well a linear classifier reads labels from them
    Compare(compare::Compare),
    /// Write new samples: from the prior, a distribution of codes, around samples or
    /// between them
    Generate(generate::Generate),
    /// Write samples as short codes, in a file with its decoder
    Compress(compress::Compress),
    /// Write what is left of compressed samples
    Decompress(decompress::Decompress),
    /// Write a model as ONNX, for other programs to run
    Export(export::Export),
    /// Print what a model is made of and how it was trained
    Info(info::Info),
}

/// What a shell says of a program that SIGPIPE has ended: 128 + 13. It is not
/// the signal that ends this one, so that a training saves what it has.
const CLOSED_PIPE: u8 = 141;

/// What follows the help.
const EXIT_STATUS: &str = "\
Exit status:
  0    done; also a training that Ctrl-C or SIGTERM has ended, which is saved
  1    failed, with one line on stderr; no file is left half-written
  2    wrong usage
  130  a second Ctrl-C (143: SIGTERM) ended the program at once
  141  nobody reads the output any more, as after `| head`; what was trained is saved";

impl Arguments {
    fn parse_from(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let mut command = Self::command();
        let arguments = join_negative(&command, arguments);
        let matches = command.try_get_matches_from_mut(arguments)?;
        Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
    }
}

/// The arguments with `--layers -784,32` as `--layers=-784,32`. What begins with a
/// negative number is to clap an option that it does not know, or, when told
/// otherwise, an option in the place of a value is a value too. Joined it is a value,
/// and the options' own errors say what is wrong with it.
fn join_negative(
    command: &clap::Command,
    arguments: impl IntoIterator<Item = OsString>,
) -> Vec<OsString> {
    let mut valued = HashSet::new();
    for command in std::iter::once(command).chain(command.get_subcommands()) {
        let options = command.get_opts();
        for option in options.filter(|option| option.get_action().takes_values()) {
            valued.extend(option.get_long().map(|long| format!("--{long}")));
            valued.extend(option.get_short().map(|short| format!("-{short}")));
        }
    }
    let mut joined: Vec<OsString> = Vec::new();
    let mut options_end = false;
    for argument in arguments {
        options_end |= argument == "--";
        match joined.last_mut() {
            Some(option)
                if !options_end
                    && is_negative(&argument)
                    && option
                        .to_str()
                        .is_some_and(|option| valued.contains(option)) =>
            {
                option.push("=");
                option.push(argument);
            }
            _ => joined.push(argument),
        }
    }
    joined
}

/// Whether this begins with a negative number, be it infinite.
fn is_negative(argument: &OsStr) -> bool {
    let after = argument.as_encoded_bytes().strip_prefix(b"-");
    let digits = after.map(|after| after.strip_prefix(b".").unwrap_or(after));
    digits.is_some_and(|digits| digits.first().is_some_and(u8::is_ascii_digit))
        || argument
            .to_str()
            .is_some_and(|argument| argument.starts_with('-') && argument.parse::<f64>().is_ok())
}

/// What can be said of arguments, the program's name before them, when nothing is
/// read and nothing is run: `Err` has what the program would print.
///
/// # Errors
/// A message for people, of one or more lines.
pub fn check(arguments: impl IntoIterator<Item = OsString>) -> Result<(), String> {
    let arguments = Arguments::parse_from(arguments).map_err(|error| error.to_string())?;
    match arguments.command {
        Command::Train(train) => match train.check() {
            Err(Failure::Message(message)) => Err(message),
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

/// Runs the program.
pub fn main() -> ExitCode {
    let arguments = match Arguments::parse_from(std::env::args_os()) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Also for `--help`; a closed pipe is no reason to complain.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Closed) => ExitCode::from(CLOSED_PIPE),
        Err(Failure::Message(message)) => {
            console::complain(&message);
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    Level::from_environment().map_err(crate::Error::from)?;
    if let Some(threads) = arguments.threads {
        use_threads(threads)?;
    }
    match arguments.command {
        Command::Train(train) => train.run(),
        Command::Presets(presets) => presets.run(),
        Command::Evaluate(evaluate) => evaluate.run(),
        Command::Encode(encode) => encode.run(),
        Command::Decode(decode) => decode.run(),
        Command::Reconstruct(reconstruct) => reconstruct.run(),
        Command::Score(score) => score.run(),
        Command::Compare(compare) => compare.run(),
        Command::Generate(generate) => generate.run(),
        Command::Compress(compress) => compress.run(),
        Command::Decompress(decompress) => decompress.run(),
        Command::Export(export) => export.run(),
        Command::Info(info) => info.run(),
    }
}

#[cfg(feature = "parallel")]
fn use_threads(threads: NonZeroUsize) -> Result<(), Failure> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads.get())
        .build_global()
        .map_err(|error| Failure::Message(format!("cannot start {threads} threads: {error}")))
}

#[cfg(not(feature = "parallel"))]
fn use_threads(threads: NonZeroUsize) -> Result<(), Failure> {
    if threads.get() == 1 {
        return Ok(());
    }
    let message = format!("this program was built without threads, not for {threads}");
    Err(Failure::Message(message))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn refused(line: &str) -> String {
        let words = ["autoencoder"].into_iter().chain(line.split(' '));
        check(words.map(OsString::from)).unwrap_err()
    }

    #[test]
    fn arguments_are_checked_without_data() {
        let good = "autoencoder train nothing --layers 9,4 --decoder 4,9 --hidden leaky-relu";
        assert_eq!(check(good.split(' ').map(OsString::from)), Ok(()));
        for (line, says) in [
            ("train --layers 9,4 --decoder 5,9", "the code has 4 numbers"),
            ("train --layers 9,4 --output relu --loss bce", "bce-clipped"),
            ("train --preset none", "none"),
            (
                "score m -o s.csv --threshold nan",
                "expected a finite number",
            ),
            (
                "train --weight-decay -1",
                "expected a finite number, 0 or more",
            ),
            ("trian", "train"),
        ] {
            let message = refused(line);
            assert!(message.contains(says), "{line}: {message}");
        }
    }

    #[test]
    fn negative_numbers_are_values_of_all_options() {
        for command in Arguments::command().get_subcommands() {
            let options = command
                .get_opts()
                .filter(|option| option.get_action().takes_values());
            for option in options {
                let (command, option) = (command.get_name(), option.get_long().unwrap());
                for value in ["-1", "-.5", "-784,32", "-3:0.1", "-inf"] {
                    let message = refused(&format!("{command} --{option} {value} --what"));
                    // As one argument, or as its first letter.
                    let unknown = format!("argument '{}", &value[..2]);
                    assert!(!message.contains(&unknown), "{message}");
                }
            }
        }
        for (line, says) in [
            ("train --threads -1", "'-1' for '--threads <N>'"),
            (
                "train --layers -784,32",
                "'-784,32' for '--layers <LAYERS>': a shape is \"-784\"",
            ),
            ("generate m -n -4", "'-4' for '--count <N>'"),
            ("score m -o s.csv --threshold -inf", "expected a finite"),
        ] {
            let message = refused(line);
            assert!(message.contains(says), "{line}: {message}");
        }
    }

    #[test]
    fn what_only_looks_like_a_value_is_none() {
        for (line, says) in [
            (
                "train --layers --epochs 3",
                "a value is required for '--layers",
            ),
            ("generate m --from -o x", "a value is required for '--from"),
            ("train --tied -5", "argument '-5'"),
            ("train --epochs 3 -5", "argument '-5'"),
            ("train -- --layers -784,32", "argument '-784,32'"),
        ] {
            let message = refused(line);
            assert!(message.contains(says), "{line}: {message}");
        }
    }
}
