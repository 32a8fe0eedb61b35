// A step of fused_ssim without Python: its launches, and its node in autograd's graph.
//
// Python hands over, once for each shape, which compiled kernels are launched with which numbers. What is
// not as a plan expects is answered with None, and Python does it.

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <ATen/ops/empty.h>
#include <ATen/ops/mul.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/impl/TorchDispatchModeTLS.h>
#include <torch/csrc/Exceptions.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/basic_ops.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/python_variable.h>
#include <torch/csrc/autograd/saved_variable.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <type_traits>
#include <vector>

namespace {

using at::Tensor;
using torch::autograd::SavedVariable;
using torch::autograd::variable_list;

using torch::autograd::Node;
using Owner = decltype(torch::autograd::Edge::function);  // shared_ptr; intrusive_ptr since torch 2.13

constexpr int WINDOW = 11, RADIUS = 5;
constexpr size_t UNUSED = 4;  // pointers to scratch memory that some versions of Triton pass behind

using LaunchKernel = int (*)(void*, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,
                             unsigned, void*, void**, void**);
using IsCapturing = int (*)(void*, int*);

LaunchKernel launch_kernel = nullptr;
IsCapturing is_capturing = nullptr;
PyObject* raw_stream = nullptr;  // of a device's index

template <typename Pointer>
Pointer owned(Node* node) {
  if constexpr (std::is_constructible_v<Pointer, Node*>)
    return Pointer(node);
  else
    return Pointer::unsafe_steal_from_new(node);
}

struct Kernel {
  void* function;
  unsigned threads, shared, programs;
  std::vector<uint64_t> numbers;  // behind the pointers, each in the first bytes of its place

  template <size_t N>
  bool launch(void* stream, std::array<const void*, N> pointers) const {
    const void* nothing = nullptr;
    std::vector<void*> places;
    places.reserve(N + numbers.size() + UNUSED);
    for (auto& pointer : pointers) places.push_back(&pointer);
    for (auto& number : numbers) places.push_back(const_cast<uint64_t*>(&number));
    for (size_t i = 0; i < UNUSED; ++i) places.push_back(&nothing);
    return launch_kernel(function, programs, 1, 1, threads, 1, 1, shared, stream, places.data(),
                         nullptr) == 0;
  }
};

struct Plan {
  Kernel forward, backward;
  Tensor counter, partial, one;
  bool deferred;  // the gradient is the backward pass's
  int kept;       // images' worth of memory between the two
};

Tensor room(const Tensor& x, int64_t copies) {
  std::vector<int64_t> sizes(x.sizes().begin(), x.sizes().end());
  if (copies > 1) sizes.insert(sizes.begin(), copies);
  return at::empty(sizes, x.options());
}

bool launch_backward(const Plan& plan, void* stream, const Tensor& x, const Tensor& y,
                     const Tensor& derivatives, const Tensor& chain, const Tensor& gradient) {
  return plan.backward.launch<5>(stream, {x.data_ptr(), y.data_ptr(), derivatives.data_ptr(),
                                          chain.data_ptr(), gradient.data_ptr()});
}

// The mean's place in the graph: a gradient that is there is only scaled.
struct FusedSSIM : Node {
  SavedVariable kept, x, y;  // kept: the gradient, or what it is computed from
  std::shared_ptr<const Plan> plan;
  void* stream = nullptr;  // of the forward call: autograd runs the backward pass there

  variable_list apply(variable_list&& chains) override {
    if (!chains[0].defined()) return {Tensor()};
    Tensor result;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      at::NoGradGuard guard;
      Tensor saved = kept.unpack();
      result = plan->deferred ? computed(saved, chains[0]) : at::mul(saved, chains[0]);
    }
    if (!at::GradMode::is_enabled() || !chains[0].requires_grad()) return {result};
    Owner twice = owned<Owner>(new torch::autograd::DelayedError(
        "trying to differentiate twice a function that was marked with @once_differentiable", 1));
    return (*twice)(variable_list{result.detach().requires_grad_()});
  }

  Tensor computed(const Tensor& derivatives, const Tensor& chain) {
    Tensor image = x.unpack(), other = y.unpack();
    Tensor scale = chain.to(at::kFloat).contiguous(), gradient = room(image, 1);
    auto launched = [&] {
      return launch_backward(*plan, stream, image, other, derivatives, scale, gradient);
    };
    if (!launched()) {
      gradient.zero_();  // gives a new thread its context
      TORCH_CHECK(launched(), "fused_ssim (gpufix): the driver refuses the backward kernel");
    }
    return gradient;
  }

  void release_variables() override {
    std::lock_guard<std::mutex> lock(mutex_);
    for (auto* saved : {&kept, &x, &y}) saved->reset_data();
  }

  std::string name() const override { return "FusedSSIM"; }
};

using Key = std::array<int64_t, 8>;  // device, sizes, margin, stream
using Plans = std::map<Key, std::shared_ptr<const Plan>>;
Plans& plans = *new Plans();  // never freed: torch's memory may be gone when the process ends

Key key_of(const Tensor& x, int64_t margin, int64_t stream) {
  auto device = x.device();
  return {static_cast<int64_t>(device.type()), device.index(), x.size(0), x.size(1), x.size(2),
          x.size(3), margin, stream};
}

// A tensor that is memory and nothing else: no subclass, no transform's wrapper, no lazy sign.
bool plain(PyObject* object) {
  if (!THPVariable_CheckExact(object)) return false;
  using K = c10::DispatchKey;
  static const c10::DispatchKeySet known({K::CUDA, K::AutogradCUDA, K::AutocastCUDA, K::CPU,
                                          K::AutogradCPU, K::AutocastCPU, K::ADInplaceOrView});
  const Tensor& tensor = THPVariable_Unpack(object);
  return known.has_all(tensor.key_set()) && tensor.dim() == 4 &&
         tensor.scalar_type() == at::kFloat && tensor.is_contiguous();
}

bool transformed() {
  return c10::impl::TorchDispatchModeTLS::any_modes_set() ||
         c10::impl::tls_is_dispatch_key_included(c10::DispatchKey::FuncTorchDynamicLayerFrontMode);
}

// 0 or RADIUS; -1: something that the plans do not hold.
int64_t margin_of(PyObject* const* arguments) {
  if (arguments[3] != Py_True || !PyLong_CheckExact(arguments[4]) || !PyUnicode_Check(arguments[2]))
    return -1;
  int overflow = 0;
  if (PyLong_AsLongAndOverflow(arguments[4], &overflow) != WINDOW || overflow) return -1;
  if (PyUnicode_CompareWithASCIIString(arguments[2], "same") == 0) return 0;
  return PyUnicode_CompareWithASCIIString(arguments[2], "valid") == 0 ? RADIUS : -1;
}

// False: an error of Python's is set, or the stream is being captured.
bool stream_of(const Tensor& x, int64_t& stream) {
  PyObject* answer = PyObject_CallFunction(raw_stream, "i", static_cast<int>(x.device().index()));
  if (answer == nullptr) return false;
  stream = static_cast<int64_t>(PyLong_AsUnsignedLongLong(answer));
  Py_DECREF(answer);
  if (PyErr_Occurred()) return false;
  int capturing = 0;
  if (is_capturing != nullptr &&
      (is_capturing(reinterpret_cast<void*>(stream), &capturing) != 0 || capturing != 0))
    return false;
  return true;
}

Tensor computed(const Tensor& x, const Tensor& y, const std::shared_ptr<const Plan>& plan,
                void* stream) {
  c10::DeviceGuard device(x.device());
  at::NoGradGuard no_grad;
  Tensor value = at::empty({}, x.options()), kept = room(x, plan->kept);
  const void* unused = x.data_ptr();
  if (!plan->forward.launch<7>(
          stream, {x.data_ptr(), y.data_ptr(), unused, kept.data_ptr(), plan->partial.data_ptr(),
                   plan->counter.data_ptr(), value.data_ptr()}))
    return {};
  if (!plan->deferred) {
    Tensor gradient = room(x, 1);
    if (!launch_backward(*plan, stream, x, y, kept, plan->one, gradient)) return {};
    kept = gradient;
  }
  auto* node = new FusedSSIM();
  Owner owner = owned<Owner>(node);
  node->set_next_edges(torch::autograd::collect_next_edges(x));
  node->kept = SavedVariable(kept, false);
  if (plan->deferred) {
    node->x = SavedVariable(x, false);
    node->y = SavedVariable(y, false);
  }
  node->plan = plan;
  node->stream = stream;
  torch::autograd::set_history(value, owner);
  return value;
}

// mean(img1, img2, padding, train, window_size): the tensor, or None
PyObject* mean(PyObject*, PyObject* const* arguments, Py_ssize_t count) {
  HANDLE_TH_ERRORS
  if (count != 5 || !plain(arguments[0]) || !plain(arguments[1])) Py_RETURN_NONE;
  const Tensor &x = THPVariable_Unpack(arguments[0]), &y = THPVariable_Unpack(arguments[1]);
  int64_t margin = margin_of(arguments), stream = 0;
  if (margin < 0 || x.sizes() != y.sizes() || x.device() != y.device() || !x.requires_grad() ||
      !at::GradMode::is_enabled() || transformed())
    Py_RETURN_NONE;
  if (!stream_of(x, stream)) {
    if (PyErr_Occurred()) return nullptr;
    Py_RETURN_NONE;
  }
  auto found = plans.find(key_of(x, margin, stream));
  if (found == plans.end()) Py_RETURN_NONE;
  std::shared_ptr<const Plan> plan = found->second;
  Tensor value;
  {
    pybind11::gil_scoped_release no_gil;
    value = computed(x, y, plan, reinterpret_cast<void*>(stream));
  }
  if (!value.defined()) Py_RETURN_NONE;
  return THPVariable_Wrap(std::move(value));
  END_HANDLE_TH_ERRORS
}

// (function, threads, shared, programs, numbers): numbers are bytes, eight of them each
bool read_kernel(PyObject* tuple, Kernel& kernel) {
  unsigned long long function = 0;
  const char* numbers = nullptr;
  Py_ssize_t bytes = 0;
  if (!PyArg_ParseTuple(tuple, "KIIIy#", &function, &kernel.threads, &kernel.shared,
                        &kernel.programs, &numbers, &bytes))
    return false;
  kernel.function = reinterpret_cast<void*>(function);
  kernel.numbers.resize(bytes / sizeof(uint64_t));
  std::memcpy(kernel.numbers.data(), numbers, kernel.numbers.size() * sizeof(uint64_t));
  return true;
}

// add(x, margin, stream, forward, backward, counter, partial, one, deferred, kept)
PyObject* add(PyObject*, PyObject* arguments) {
  HANDLE_TH_ERRORS
  PyObject *x, *forward, *backward, *tensors[3];
  long long margin = 0, stream = 0;
  int deferred = 0, kept = 0;
  if (!PyArg_ParseTuple(arguments, "OLLOOOOOpi", &x, &margin, &stream, &forward, &backward,
                        &tensors[0], &tensors[1], &tensors[2], &deferred, &kept))
    return nullptr;
  auto plan = std::make_shared<Plan>();
  if (!read_kernel(forward, plan->forward) || !read_kernel(backward, plan->backward)) return nullptr;
  plan->counter = THPVariable_Unpack(tensors[0]);
  plan->partial = THPVariable_Unpack(tensors[1]);
  plan->one = THPVariable_Unpack(tensors[2]);
  plan->deferred = deferred != 0;
  plan->kept = kept;
  plans[key_of(THPVariable_Unpack(x), margin, stream)] = plan;
  Py_RETURN_NONE;
  END_HANDLE_TH_ERRORS
}

PyObject* clear(PyObject*, PyObject*) {
  plans.clear();
  Py_RETURN_NONE;
}

// setup(launch, capturing, raw_stream): two of the driver's functions as numbers, and a callable
PyObject* setup(PyObject*, PyObject* arguments) {
  unsigned long long launch = 0, capturing = 0;
  PyObject* stream = nullptr;
  if (!PyArg_ParseTuple(arguments, "KKO", &launch, &capturing, &stream)) return nullptr;
  launch_kernel = reinterpret_cast<LaunchKernel>(launch);
  is_capturing = reinterpret_cast<IsCapturing>(capturing);
  Py_INCREF(stream);
  Py_XDECREF(raw_stream);
  raw_stream = stream;
  Py_RETURN_NONE;
}

PyMethodDef methods[] = {
    {"mean", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(mean)), METH_FASTCALL, ""},
    {"add", add, METH_VARARGS, ""},
    {"clear", clear, METH_NOARGS, ""},
    {"setup", setup, METH_VARARGS, ""},
    {nullptr, nullptr, 0, nullptr}};

PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_fused_ssim_node", nullptr, -1, methods,
                          nullptr, nullptr, nullptr, nullptr};

}  // namespace

PyMODINIT_FUNC PyInit__fused_ssim_node() { return PyModule_Create(&definition); }
