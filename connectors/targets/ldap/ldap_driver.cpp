#include "connectors/targets/ldap/ldap_driver.hpp"

#include "base/json_template.hpp"
#include "connectors/targets/secrets.hpp"

#include <fmt/format.h>

#include <ldap.h>
#include <memory>

namespace soc::targets {

using nlohmann::json;
using response::call_outcome;
using response::component_call;
using kind = call_outcome::kind;

namespace {

constexpr long account_disabled = 2;                     ///< userAccountControl, [MS-ADTS] 2.2.16
constexpr const char* locked_for_good = "000001010000Z"; ///< draft-behera-ldap-password-policy 5.3.3

struct directory_settings {
  std::string url, base, filter, ca_file, bind_dn, password;
  bool active_directory = false, starttls = true;
};

struct ldap_end {
  void operator()(LDAP* l) const { ldap_unbind_ext_s(l, nullptr, nullptr); }
};
using ldap_line = std::unique_ptr<LDAP, ldap_end>;

struct account {
  std::string dn, state; ///< state: of the attribute that locks it
};

result<directory_settings> settings_of_directory(const response::resource_instance& instance) {
  const auto& from = instance.settings;
  directory_settings out;
  out.url = from.value("url", "");
  out.base = from.value("base", "");
  out.active_directory = from.value("flavour", "openldap") == "ad";
  out.filter = from.value("user_filter", out.active_directory ? "(sAMAccountName=${user})" : "(uid=${user})");
  out.starttls = from.value("tls", "starttls") == "starttls" && !out.url.starts_with("ldaps://") &&
                 !out.url.starts_with("ldapi://");
  out.ca_file = from.value("ca_file", "");
  if (out.url.empty() || out.base.empty())
    return failure{ec::invalid_input, "the instance needs settings url and base"};
  auto dn = credential(instance, "bind_dn"), password = credential(instance, "password");
  if (!dn || !password)
    return !dn ? dn.error() : password.error();
  out.bind_dn = std::move(dn).take();
  out.password = std::move(password).take();
  return out;
}

failure ldap_failure(int code, const std::string& doing) {
  const bool away = code == LDAP_SERVER_DOWN || code == LDAP_TIMEOUT || code == LDAP_CONNECT_ERROR ||
                    code == LDAP_BUSY || code == LDAP_UNAVAILABLE;
  return {away ? ec::unavailable : ec::refused, fmt::format("{}: {}", doing, ldap_err2string(code))};
}

result<ldap_line> bound(const directory_settings& to, std::chrono::milliseconds limit) {
  LDAP* raw = nullptr;
  if (const int code = ldap_initialize(&raw, to.url.c_str()); code != LDAP_SUCCESS)
    return ldap_failure(code, "the directory's url");
  ldap_line line(raw);
  const int version = LDAP_VERSION3, demand = LDAP_OPT_X_TLS_DEMAND, fresh = 0;
  const timeval wait{static_cast<time_t>(limit.count() / 1000), static_cast<suseconds_t>(limit.count() % 1000 * 1000)};
  ldap_set_option(raw, LDAP_OPT_PROTOCOL_VERSION, &version);
  ldap_set_option(raw, LDAP_OPT_NETWORK_TIMEOUT, &wait);
  ldap_set_option(raw, LDAP_OPT_TIMEOUT, &wait);
  ldap_set_option(raw, LDAP_OPT_REFERRALS, LDAP_OPT_OFF); // a referral would carry the password elsewhere
  ldap_set_option(raw, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand);
  if (!to.ca_file.empty())
    ldap_set_option(raw, LDAP_OPT_X_TLS_CACERTFILE, to.ca_file.c_str());
  ldap_set_option(raw, LDAP_OPT_X_TLS_NEWCTX, &fresh);
  if (to.starttls)
    if (const int code = ldap_start_tls_s(raw, nullptr, nullptr); code != LDAP_SUCCESS)
      return ldap_failure(code, "StartTLS");
  berval password{to.password.size(), const_cast<char*>(to.password.data())};
  if (const int code =
          ldap_sasl_bind_s(raw, to.bind_dn.c_str(), LDAP_SASL_SIMPLE, &password, nullptr, nullptr, nullptr);
      code != LDAP_SUCCESS)
    return ldap_failure(code, "signing in");
  return line;
}

result<account> find_account(LDAP* line, const directory_settings& at, const std::string& user) {
  const auto filter = expand(at.filter, json{{"user", escaped_for_filter(user)}});
  if (!filter)
    return filter.error();
  std::string attribute = at.active_directory ? "userAccountControl" : "pwdAccountLockedTime";
  char* wanted[] = {attribute.data(), nullptr};
  LDAPMessage* raw = nullptr;
  const int code = ldap_search_ext_s(line, at.base.c_str(), LDAP_SCOPE_SUBTREE, json_to_text(*filter).c_str(), wanted,
                                     0, nullptr, nullptr, nullptr, 2, &raw);
  const std::unique_ptr<LDAPMessage, int (*)(LDAPMessage*)> found(raw, ldap_msgfree);
  if (code != LDAP_SUCCESS && code != LDAP_SIZELIMIT_EXCEEDED)
    return ldap_failure(code, "searching the account");
  const int count = ldap_count_entries(line, raw);
  if (count != 1)
    return failure{count == 0 ? ec::not_found : ec::conflict,
                   count == 0 ? "there is no such account" : "more than one account fits"};
  auto* entry = ldap_first_entry(line, raw);
  char* dn = ldap_get_dn(line, entry);
  account out{dn, ""};
  ldap_memfree(dn);
  if (berval** values = ldap_get_values_len(line, entry, attribute.c_str()); values != nullptr) {
    if (values[0] != nullptr)
      out.state.assign(values[0]->bv_val, values[0]->bv_len);
    ldap_value_free_len(values);
  }
  return out;
}

bool is_locked(const account& a, const directory_settings& at) {
  return at.active_directory ? (std::strtol(a.state.c_str(), nullptr, 10) & account_disabled) != 0 : !a.state.empty();
}

outcome set_locked(LDAP* line, const directory_settings& at, const account& a, bool lock) {
  std::string attribute = at.active_directory ? "userAccountControl" : "pwdAccountLockedTime";
  std::string value = locked_for_good;
  if (at.active_directory) {
    const long flags = std::strtol(a.state.c_str(), nullptr, 10);
    value = std::to_string(lock ? flags | account_disabled : flags & ~account_disabled);
  }
  char* values[] = {value.data(), nullptr};
  const bool remove = !lock && !at.active_directory;
  LDAPMod change{};
  change.mod_op = remove ? LDAP_MOD_DELETE : LDAP_MOD_REPLACE;
  change.mod_type = attribute.data();
  change.mod_values = remove ? nullptr : values;
  LDAPMod* changes[] = {&change, nullptr};
  const int code = ldap_modify_ext_s(line, a.dn.c_str(), changes, nullptr, nullptr);
  if (code == LDAP_SUCCESS || (remove && code == LDAP_NO_SUCH_ATTRIBUTE))
    return done{};
  if (code == LDAP_TIMEOUT || code == LDAP_SERVER_DOWN)
    return failure{ec::timed_out, "the directory didn't answer"};
  return ldap_failure(code, "changing the account");
}

call_outcome outcome_of_failure(const failure& why) {
  return {why.code == ec::unavailable ? kind::transient
          : why.code == ec::timed_out ? kind::unknown
                                      : kind::failed,
          nullptr, why.what};
}

/// "scope\name" of an entity's key, or the bare name.
std::string account_name(const std::string& user) {
  const auto slash = user.rfind('\\');
  return slash == std::string::npos ? user : user.substr(slash + 1);
}

} // namespace

std::string escaped_for_filter(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (c == '*' || c == '(' || c == ')' || c == '\\' || c == '\0' || static_cast<unsigned char>(c) >= 0x80)
      out += fmt::format("\\{:02x}", static_cast<unsigned char>(c));
    else
      out += c;
  return out;
}

call_outcome ldap_driver::call(const component_call& what) {
  const auto at = what.component->actions.find(what.action);
  const auto user = account_name(what.parameters.value("user", std::string{}));
  auto settings = settings_of_directory(*what.instance);
  if (at == what.component->actions.end() || user.empty())
    return {kind::failed, nullptr, "'user' is missing"};
  if (!settings)
    return {kind::failed, nullptr, settings.error().what};
  auto line = bound(*settings, std::chrono::milliseconds(at->second.timeout_ms));
  if (!line)
    return outcome_of_failure(line.error());
  auto found = find_account(line->get(), *settings, user);
  if (!found)
    return outcome_of_failure(found.error());
  const bool locked = is_locked(*found, *settings);
  const auto& verb = at->second.driver_action;
  if (verb == "get_user")
    return {kind::succeeded, {{"disabled", locked}, {"dn", found->dn}}, ""};
  if (verb != "disable_user" && verb != "enable_user")
    return {kind::failed, nullptr, fmt::format("the ldap driver has no action '{}'", verb)};
  const bool lock = verb == "disable_user";
  if (locked != lock)
    if (const auto changed = set_locked(line->get(), *settings, *found, lock); !changed)
      return outcome_of_failure(changed.error());
  return {kind::succeeded, {{"disabled", lock}, {"dn", found->dn}, {"unchanged", locked == lock}}, ""};
}

} // namespace soc::targets
