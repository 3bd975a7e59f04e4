#include "Interop.h"

#include <chrono>
#include <map>
#include <memory>
#include <vector>

#include <ATen/record_function.h>

using namespace nsarm;

namespace {

using Clock = std::chrono::steady_clock;

double seconds(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

struct Entry {
  int64_t calls = 0;
  double seconds = 0;     // without the operators that it called
  double operations = 0;  // a multiplication with its addition is two
};

struct Profile {
  at::CallbackHandle handle;
  std::map<std::string, Entry> entries;
  std::vector<double> nested;  // seconds spent in operators called by each operator that runs
};

thread_local std::unique_ptr<Profile> profile;

struct Call : at::ObserverContext {
  Clock::time_point start;
};

at::Tensor tensor(const at::RecordFunction &call, size_t index) {
  auto inputs = call.inputs();
  return index < inputs.size() && inputs[index].isTensor() ? inputs[index].toTensor() : at::Tensor();
}

// 2 · rows · (elements of the second matrix), for [..., m, k] x [..., k, n] or x wT with w [n, k].
double product(const at::Tensor &a, int64_t columns) {
  return a.defined() ? 2.0 * a.numel() * columns : 0;
}

// A convolution's multiplications and additions per element of its output.
double kernel(const at::Tensor &weight) {
  return weight.defined() && weight.dim() > 1 ? 2.0 * weight.numel() / weight.size(0) : 0;
}

double forward(const at::Tensor &x, const at::Tensor &weight, const std::vector<int64_t> &stride,
               const std::vector<int64_t> &padding, const std::vector<int64_t> &dilation) {
  if (!x.defined() || !weight.defined() || weight.dim() != 4) return 0;
  double positions = x.size(0);
  for (int64_t i = 0; i < 2; i++) {
    auto reach = dilation[i] * (weight.size(2 + i) - 1) + 1;
    positions *= (x.size(2 + i) + 2 * padding[i] - reach) / stride[i] + 1;
  }
  return positions * weight.size(0) * kernel(weight);
}

std::vector<int64_t> pair(const c10::IValue &value) {
  auto list = value.toIntVector();
  if (list.size() == 1) list.push_back(list[0]);
  return list;
}

// The operations of the operators that the others come down to; 0 for those that do not multiply
// matrices.
double operations(const std::string &name, const at::RecordFunction &call) {
  auto inputs = call.inputs();
  if (name == "aten::mm" || name == "aten::bmm" || name == "aten::_int_mm") {
    return product(tensor(call, 0), tensor(call, 1).size(-1));
  }
  if (name == "aten::addmm" || name == "aten::baddbmm") {
    return product(tensor(call, 1), tensor(call, 2).size(-1));
  }
  if (name == "mkldnn::_linear_pointwise") return product(tensor(call, 0), tensor(call, 1).size(0));
  if (name == "nsarm::packed_linear") return product(tensor(call, 0), inputs[2].toInt());
  if (name == "nsarm::quantized_linear") return product(tensor(call, 0), tensor(call, 2).numel());
  if (name == "nsarm::quantized_attention") return 2 * product(tensor(call, 0), inputs[2].toInt());
  if (name == "aten::convolution") {
    return forward(tensor(call, 0), tensor(call, 1), pair(inputs[3]), pair(inputs[4]), pair(inputs[5]));
  }
  if (name == "mkldnn::_convolution_pointwise") {
    return forward(tensor(call, 0), tensor(call, 1), pair(inputs[4]), pair(inputs[3]), pair(inputs[5]));
  }
  if (name == "onednn::qconv2d_pointwise" || name == "onednn::qconv_pointwise") {
    return forward(tensor(call, 0), tensor(call, 3), pair(inputs[7]), pair(inputs[8]), pair(inputs[9]));
  }
  if (name == "nsarm::conv3x3") {  // as many as a plain convolution would need
    int64_t outputs = inputs[2].toInt(), enlargement = inputs[6].toBool() ? 4 : 1;
    return 9 * enlargement * product(tensor(call, 0), outputs);
  }
  if (name == "aten::convolution_backward") {
    auto mask = inputs[10].toBoolList();
    return tensor(call, 0).numel() * kernel(tensor(call, 2)) * (mask[0] + mask[1]);
  }
  if (name == "aten::_scaled_dot_product_flash_attention_for_cpu" || name == "nsarm::attention") {
    return 2 * product(tensor(call, 0), tensor(call, 1).size(2));
  }
  if (name == "aten::_scaled_dot_product_flash_attention_for_cpu_backward") {
    return 5 * product(tensor(call, 1), tensor(call, 2).size(2));
  }
  return 0;
}

std::unique_ptr<at::ObserverContext> begin(const at::RecordFunction &call) {
  if (!profile) return nullptr;
  std::string name = call.name();
  auto &entry = profile->entries[name];
  entry.calls += 1;
  try {
    entry.operations += operations(name, call);
  } catch (...) {  // a schema of another libtorch: time alone is measured
  }
  profile->nested.push_back(0);
  auto context = std::make_unique<Call>();
  context->start = Clock::now();
  return context;
}

void end(const at::RecordFunction &call, at::ObserverContext *context) {
  if (!profile || !context || profile->nested.empty()) return;
  auto elapsed = seconds(Clock::now() - static_cast<Call *>(context)->start);
  profile->entries[call.name()].seconds += elapsed - profile->nested.back();
  profile->nested.pop_back();
  if (!profile->nested.empty()) profile->nested.back() += elapsed;
}

}  // namespace

ct_message ct_profile_start(void) {
  return guarded([] {
    profile = std::make_unique<Profile>();
    profile->handle = at::addThreadLocalCallback(
        at::RecordFunctionCallback(begin, end)
            .needsInputs(true)
            .scopes({at::RecordScope::FUNCTION, at::RecordScope::BACKWARD_FUNCTION}));
  });
}

ct_message ct_profile_stop(void (*visit)(void *context, const char *name, int64_t calls, double seconds,
                                         double operations),
                           void *context) {
  return guarded([&] {
    if (!profile) return;
    at::removeCallback(profile->handle);
    for (const auto &[name, entry] : profile->entries) {
      visit(context, name.c_str(), entry.calls, entry.seconds, entry.operations);
    }
    profile.reset();
  });
}
