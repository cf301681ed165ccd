//! The numbers that training changes, and what the optimiser knows of each.

use autoencoder_kernels::Mat;
use autoencoder_kernels::MatMut;
use autoencoder_kernels::optimizer::{Optimizer, OptimizerState};

use super::entry::Entry;
use super::id::Parameter;
use super::record::Tape;
use crate::error::{Error, Result};

/// The values of a tape's parameters and the optimiser's state for each.
/// Allocated once.
#[derive(Clone, Debug)]
pub struct Parameters {
    pub(super) entries: Vec<Entry>,
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A weight of 2 × 3 and a bias, all `value`, and state for an optimiser.
    fn filled(value: f32, optimizer: Option<Optimizer>) -> Parameters {
        let mut tape = Tape::new();
        tape.weight(2, 3);
        tape.bias(3);
        let mut parameters = Parameters::zeros(&tape).unwrap();
        if let Some(optimizer) = optimizer {
            parameters.prepare(optimizer).unwrap();
        }
        for Entry { value: mat, state } in &mut parameters.entries {
            mat.as_mut_slice().fill(value);
            for (i, slot) in state.iter_mut().flat_map(|s| s.slots_mut()).enumerate() {
                slot.as_mut_slice().fill(value + 1.0 + i as f32);
            }
        }
        parameters
    }

    /// All numbers, and where those of the state are.
    fn all(parameters: &Parameters) -> (Vec<Vec<f32>>, Vec<*const f32>) {
        let slots = |entry: &Entry| match &entry.state {
            Some(state) => state.slots().to_vec(),
            None => Vec::new(),
        };
        let entries = parameters.entries.iter();
        let numbers = entries
            .flat_map(|entry| [vec![entry.value.clone()], slots(entry)].concat())
            .map(|mat| mat.as_slice().to_vec());
        let states = parameters.entries.iter().filter_map(|e| e.state.as_ref());
        let places = states.flat_map(|state| state.slots().iter().map(|s| s.as_slice().as_ptr()));
        (numbers.collect(), places.collect())
    }

    #[test]
    fn a_tape_without_parameters_has_none() {
        let none = Parameters::zeros(&Tape::new()).unwrap();
        assert_eq!((none.len(), none.is_empty()), (0, true));
        let two = filled(0.0, None);
        assert_eq!((two.len(), two.is_empty()), (2, false));
    }

    #[test]
    fn state_that_fits_is_kept() {
        let mut parameters = filled(1.0, Some(Optimizer::adam_keras()));
        let before = all(&parameters);
        parameters.prepare(Optimizer::adam_pytorch()).unwrap();
        assert_eq!(all(&parameters), before);
        parameters.prepare(Optimizer::momentum(0.9)).unwrap();
        let (numbers, places) = all(&parameters);
        assert_eq!(
            numbers,
            [[1.0; 6].to_vec(), vec![0.0; 6], vec![1.0; 3], vec![0.0; 3]]
        );
        assert_eq!(places.len(), 2);
        parameters.reset_state();
        assert_eq!(all(&parameters), (vec![vec![1.0; 6], vec![1.0; 3]], vec![]));
    }

    #[test]
    fn a_copy_has_values_and_state() {
        let (adam, momentum) = (Optimizer::adam_keras(), Optimizer::momentum(0.9));
        for from in [None, Some(momentum), Some(adam)] {
            for to in [None, Some(momentum), Some(adam)] {
                let (from, mut copy) = (filled(1.0, from), filled(7.0, to));
                let (want, places) = all(&from);
                let (_, before) = all(&copy);
                copy.copy_from(&from);
                let (got, after) = all(&copy);
                assert_eq!(got, want);
                // No new memory where the old is as large.
                assert_eq!(after == before, places.len() == before.len());
                assert!(places.is_empty() || after != places);
            }
        }
    }

    #[test]
    fn values_are_copied_without_state() {
        let (from, mut to) = (
            filled(1.0, Some(Optimizer::adam_keras())),
            filled(7.0, None),
        );
        to.copy_values_from(&from);
        assert_eq!(all(&to), (vec![vec![1.0; 6], vec![1.0; 3]], vec![]));
        assert_eq!(all(&from.without_state()), all(&to));
    }
}
