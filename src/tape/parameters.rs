//! The numbers that training changes, and what the optimiser knows of each.

use autoencoder_kernels::Mat;
use autoencoder_kernels::MatMut;
use autoencoder_kernels::optimizer::{Optimizer, OptimizerState};

use super::record::{Parameter, Tape};
use crate::error::{Error, Result};

/// The values of a tape's parameters and the optimiser's state for each.
/// Allocated once.
#[derive(Clone, Debug)]
pub struct Parameters {
    pub(super) entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) value: Mat<f32>,
    /// None before the first step.
    pub(super) state: Option<OptimizerState>,
}

impl Parameters {
    /// Zeros for all parameters of the tape. An initialiser fills them through
    /// [`Parameters::get_mut`].
    ///
    /// # Errors
    /// [`Error::Kernels`] if one does not fit in memory.
    pub fn zeros(tape: &Tape) -> Result<Self> {
        let entries = tape
            .shapes()
            .map(|(rows, cols)| {
                Ok(Entry {
                    value: Mat::try_zeros(rows, cols)?,
                    state: None,
                })
            })
            .collect::<Result<_>>()?;
        Ok(Parameters { entries })
    }

    /// The number of parameters (matrices, not elements).
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the tape had no parameters.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// A parameter's value: a weight is inputs × outputs, a bias one row.
    ///
    /// # Panics
    /// If the parameter belongs to a longer tape.
    pub fn get(&self, parameter: Parameter) -> &Mat<f32> {
        &self.entries[parameter.0].value
    }

    /// The same, to write.
    ///
    /// # Panics
    /// If the parameter belongs to a longer tape.
    pub fn get_mut(&mut self, parameter: Parameter) -> MatMut<'_, f32> {
        self.entries[parameter.0].value.as_mut()
    }

    /// What the optimiser knows of a parameter; `None` before
    /// [`Parameters::prepare`] or the first step.
    ///
    /// # Panics
    /// If the parameter belongs to a longer tape.
    pub fn state(&self, parameter: Parameter) -> Option<&OptimizerState> {
        self.entries[parameter.0].state.as_ref()
    }

    /// The same, to write, as when a run is resumed.
    ///
    /// # Panics
    /// If the parameter belongs to a longer tape.
    pub fn state_mut(&mut self, parameter: Parameter) -> Option<&mut OptimizerState> {
        self.entries[parameter.0].state.as_mut()
    }

    /// Makes room for the optimiser's state, zeros at first. State that has
    /// the right number of slots stays as it is. A step does this by itself.
    ///
    /// # Errors
    /// [`Error::Kernels`] if it does not fit in memory.
    pub fn prepare(&mut self, optimizer: Optimizer) -> Result<()> {
        for Entry { value, state } in &mut self.entries {
            let slots = state.as_ref().map(|state| state.slots().len());
            if slots != Some(optimizer.state_slots()) {
                *state = Some(OptimizerState::new(optimizer, value.rows(), value.cols())?);
            }
        }
        Ok(())
    }

    /// Forgets the optimiser's state, as at the beginning of a training.
    pub fn reset_state(&mut self) {
        for entry in &mut self.entries {
            entry.state = None;
        }
    }

    /// The values alone.
    pub(crate) fn without_state(&self) -> Self {
        let entry = |entry: &Entry| Entry {
            value: entry.value.clone(),
            state: None,
        };
        Parameters {
            entries: self.entries.iter().map(entry).collect(),
        }
    }

    /// Takes over values and state from parameters of the same shapes. Allocates
    /// nothing where there is state already.
    pub(crate) fn copy_from(&mut self, other: &Parameters) {
        self.copy_values_from(other);
        for (to, from) in self.entries.iter_mut().zip(&other.entries) {
            match (&mut to.state, &from.state) {
                (Some(to), Some(from)) if to.slots().len() == from.slots().len() => {
                    for (to, from) in to.slots_mut().iter_mut().zip(from.slots()) {
                        to.as_mut_slice().copy_from_slice(from.as_slice());
                    }
                }
                (to, from) => *to = from.clone(),
            }
        }
    }

    /// Takes over the values alone.
    pub(crate) fn copy_values_from(&mut self, other: &Parameters) {
        for (to, from) in self.entries.iter_mut().zip(&other.entries) {
            to.value
                .as_mut_slice()
                .copy_from_slice(from.value.as_slice());
        }
    }

    /// Fails unless these are parameters of these shapes.
    pub(super) fn check(&self, shapes: &[(usize, usize)]) -> Result<()> {
        if self.len() != shapes.len() {
            return Err(Error::configuration(
                "the number of parameters",
                self.len(),
                format_args!("{}, as the tape has", shapes.len()),
            ));
        }
        for (entry, &(rows, cols)) in self.entries.iter().zip(shapes) {
            let given = entry.value.shape();
            if given != (rows, cols) {
                return Err(Error::shape(
                    "a parameter",
                    format_args!("{} × {}", given.0, given.1),
                    format_args!("{rows} × {cols}, as the tape has it"),
                ));
            }
        }
        Ok(())
    }
}
