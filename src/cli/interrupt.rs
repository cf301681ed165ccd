//! Ctrl-C and SIGTERM: the first one asks training to end, the second one ends
//! the program.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::signal::{SIGINT, SIGTERM};
use signal_hook::flag;

use super::console::Failure;
use crate::Autoencoder;
use crate::model::{Callback, Epoch, Progress};

/// Whether somebody has asked for the end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens from now on.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // In this order: the first signal passes the one and sets the other.
            // A program that a signal ended says so by 128 + its number.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&asked))
                .and_then(|_| flag::register(signal, Arc::clone(&asked)))
                .map_err(|error| Failure::Message(format!("cannot listen to Ctrl-C: {error}")))?;
        }
        Ok(Interrupt(asked))
    }

    /// A callback that also ends training when somebody asks for it.
    pub(crate) fn over<'a>(&self, inner: &'a mut dyn Callback) -> Interruptible<'a> {
        Interruptible {
            inner,
            interrupt: self.clone(),
        }
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// See [`Interrupt::over`].
pub(crate) struct Interruptible<'a> {
    inner: &'a mut dyn Callback,
    interrupt: Interrupt,
}

impl Interruptible<'_> {
    fn unless_asked(&self, flow: ControlFlow<()>) -> ControlFlow<()> {
        match self.interrupt.is_asked() {
            true => ControlFlow::Break(()),
            false => flow,
        }
    }
}

impl Callback for Interruptible<'_> {
    fn on_batch(&mut self, progress: &Progress) -> ControlFlow<()> {
        let flow = self.inner.on_batch(progress);
        self.unless_asked(flow)
    }

    fn on_epoch(&mut self, epoch: &Epoch, model: &Autoencoder) -> ControlFlow<()> {
        let flow = self.inner.on_epoch(epoch, model);
        self.unless_asked(flow)
    }
}
