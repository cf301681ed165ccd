//! No level is skipped silently.

use autoencoder_kernels::{Context, Error, Level};

/// What the CPU says of itself, asked in another way than the crate does.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
#[test]
fn every_level_that_the_cpu_has_is_available() {
    let info = std::fs::read_to_string("/proc/cpuinfo").expect("Linux tells");
    let flags: Vec<&str> = info
        .lines()
        .find(|line| line.starts_with("flags"))
        .expect("x86 has flags")
        .split_whitespace()
        .collect();
    let has = |wanted: &[&str]| wanted.iter().all(|flag| flags.contains(flag));
    assert!(Level::Portable.is_available());
    assert_eq!(Level::Avx2.is_available(), has(&["avx2", "fma"]));
    assert_eq!(
        Level::Avx512.is_available(),
        has(&["avx512f", "avx512vl", "avx512dq", "avx2", "fma"])
    );
}

#[test]
fn the_forced_level_is_the_one_that_runs() {
    let level = Level::from_environment().expect("AUTOENCODER_LEVEL names a level of this CPU");
    match std::env::var("AUTOENCODER_LEVEL") {
        Ok(name) if !name.is_empty() => assert_eq!(level.to_string(), name),
        _ => assert_eq!(level, Level::fastest()),
    }
    assert_eq!(Level::current(), level);
    assert_eq!(Context::default().level, level);
}

#[test]
fn levels_are_read_by_name() {
    for level in Level::ALL {
        assert_eq!(level.to_string().parse(), Ok(level));
    }
    let error = "sse9".parse::<Level>().unwrap_err();
    assert_eq!(error, Error::UnknownLevel("sse9".into()));
    assert!(error.to_string().contains("avx512"));
}
