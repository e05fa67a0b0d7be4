// targets/ldap/ldap_driver.hpp - locks and unlocks accounts in a directory: Active Directory (userAccountControl,
// ACCOUNTDISABLE) or OpenLDAP with the password policy overlay (pwdAccountLockedTime). TLS by ldaps:// or StartTLS
// unless the instance says otherwise. What is searched for is escaped by RFC 4515. Thread-safe: a connection a call.
#pragma once
#include "response/core/driver.hpp"

namespace soc::targets {

/// Actions disable_user, enable_user, get_user (user). Settings: url, base, user_filter ("(uid=${user})"), flavour
/// (openldap, ad), tls (starttls, none), ca_file. Credentials: bind_dn, password.
class ldap_driver final : public response::component_driver {
public:
  response::call_outcome call(const response::component_call& what) override;
};

std::string escaped_for_filter(std::string_view text);

} // namespace soc::targets
