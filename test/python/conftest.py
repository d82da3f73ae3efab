import torch

# The tensors here are tiny: waking a second thread costs more than it computes, many times more on a busy machine.
torch.set_num_threads(1)
