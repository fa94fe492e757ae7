// tunectl verify, gc and key.
#include "base/clock.h"
#include "base/model/json.h"
#include "base/units.h"
#include "daemon/bundle/check_cache.h"
#include "daemon/bundle/exchange.h"
#include "daemon/offline/verbs.h"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

namespace fs = std::filesystem;

namespace tuned::offline {

namespace {

using nlohmann::json;

int verifyFile(const Context& context, const std::string& file) {
  auto reader = bundle::Reader::open(file);
  if (!reader) return report(context, reader.error());
  if (auto checked = bundle::checkContents(*reader); !checked) return report(context, checked.error());
  const std::string signer = reader->signer() ? bundle::text(*reader->signer()) : "";
  if (context.json)
    std::cout << json{{"file", file}, {"sound", true}, {"signer", signer}, {"builds", reader->builds()}}.dump(
                     2)
              << "\n";
  else
    std::cout << file << " is sound: " << reader->builds() << " builds, "
              << (signer.empty() ? "not signed" : "signed by " + signer) << "\n";
  return done;
}

/// What was found is printed, and told by the exit status.
int told(const Context& context, const CacheCheck& check) {
  if (context.json)
    std::cout << model::toJson(check).dump(2) << "\n";
  else
    std::cout << inWords(check) << "\n";
  return check.sound ? done : failed;
}

int verifyCache(const Context& context) {
  auto store = openCache(context, true);
  if (!store) return report(context, store.error());
  auto found = (*store)->notices();
  auto check = bundle::checkCache(**store);
  if (!check) return report(context, check.error());
  check->notices.insert(check->notices.begin(), found.begin(), found.end());
  check->sound = check->notices.empty();
  return told(context, *check);
}

int collect(const Context& context, const std::string& size, const std::string& age) {
  auto store = openCache(context, true);
  if (!store) return report(context, store.error());
  if (size.empty() && age.empty())
    return report(context, {ErrorKind::InvalidInput, "nothing says what is to go", std::nullopt,
                            "give --max-size, --max-age or both"});
  const double bytes = size.empty() ? 9e18 : std::min(9e18, *bytesFrom(size));
  auto removed =
      (*store)->collect(static_cast<int64_t>(bytes), age.empty() ? 0 : unixNow() - *secondsFrom(age));
  if (!removed) return report(context, removed.error());
  const Collected gone{removed->artefacts, removed->bytes};
  std::cout << (context.json ? model::toJson(gone).dump(2) : inWords(gone)) << "\n";
  return done;
}

int newKey(const Context& context, const std::string& file) {
  auto key = bundle::newKey(file);
  if (!key) return report(context, key.error());
  if (context.json)
    std::cout << json{{"private", file}, {"public", file + ".pub"}, {"key", bundle::text(*key)}}.dump(2)
              << "\n";
  else
    std::cout << bundle::text(*key) << "\n"
              << file << " signs bundles: keep it secret. " << file << ".pub is for those who import them.\n";
  return done;
}

/// The user's folder of trusted keys; root's is the machine's.
fs::path trustFolder() {
  if (::geteuid() == 0) return "/etc/gpu-tuned/trusted";
  const char* configuration = std::getenv("XDG_CONFIG_HOME");
  const char* home = std::getenv("HOME");
  if (configuration && *configuration) return fs::path(configuration) / "gpu-tuned/trusted";
  return fs::path(home ? home : ".") / ".config/gpu-tuned/trusted";
}

int trustKey(const Context& context, const std::string& file) {
  auto key = bundle::loadPublicKey(file);
  if (!key) return report(context, key.error());
  std::error_code error;
  fs::path folder = trustFolder(), target = folder / (bundle::text(*key).substr(0, 16) + ".pub");
  fs::create_directories(folder, error);
  if (!error) fs::copy_file(file, target, fs::copy_options::overwrite_existing, error);
  if (error)
    return report(context, {ErrorKind::Denied, "cannot write " + target.string() + ": " + error.message(),
                            std::nullopt, ""});
  std::cout << (context.json ? json{{"trusted", bundle::text(*key)}, {"file", target.string()}}.dump(2)
                             : bundle::text(*key) + " is trusted: " + target.string())
            << "\n";
  return done;
}

} // namespace

void addVerify(CLI::App& app, Context& context) {
  auto* verb = app.add_subcommand("verify", "check a bundle, or the whole cache");
  auto file = std::make_shared<std::string>();
  verb->add_option("file", *file, "a bundle; without it the cache is checked");
  verb->callback([file, &context] {
    context.run = [=, &context] { return file->empty() ? verifyCache(context) : verifyFile(context, *file); };
  });
}

void addGc(CLI::App& app, Context& context) {
  auto* verb = app.add_subcommand("gc", "drop binaries that are not among the best, oldest first");
  auto size = std::make_shared<std::string>(), age = std::make_shared<std::string>();
  auto check = [](auto read) {
    return
        [read](const std::string& text) { return read(text) ? std::string() : "\"" + text + "\" is none"; };
  };
  verb->add_option("--max-size", *size, "what all may take: 500M, 2G")->check(check(bytesFrom));
  verb->add_option("--max-age", *age, "what is older goes: 30d, 12h")->check(check(secondsFrom));
  verb->callback(
      [size, age, &context] { context.run = [=, &context] { return collect(context, *size, *age); }; });
}

void addKey(CLI::App& app, Context& context) {
  auto* verb = app.add_subcommand("key", "keys that bundles are signed with");
  verb->require_subcommand(1);
  auto file = std::make_shared<std::string>();
  auto* make = verb->add_subcommand("new", "make a key: FILE, secret, and FILE.pub");
  make->add_option("file", *file)->required();
  make->callback([file, &context] { context.run = [=, &context] { return newKey(context, *file); }; });
  auto* trust = verb->add_subcommand("trust", "accept bundles that this public key signed");
  trust->add_option("file", *file)->required();
  trust->callback([file, &context] { context.run = [=, &context] { return trustKey(context, *file); }; });
}

} // namespace tuned::offline
