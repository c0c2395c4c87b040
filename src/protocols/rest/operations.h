// Every operation, named in the table of routes.cpp. Each file below holds one resource.
#pragma once

#include "protocols/rest/api.h"

namespace ferry::rest {

// service.cpp
http::Response get_health(const Call& call);
http::Response get_version(const Call& call);
http::Response get_status(const Call& call);

// token.cpp
Task<http::Response> get_token(const Call& call);
Task<http::Response> get_user_token(const Call& call);
http::Response log_out(const Call& call);
http::Response password_by_mail(const Call& call);

// own_account.cpp
http::Response change_own_password(const Call& call);
http::Response change_users_own_password(const Call& call);
http::Response get_admin_profile(const Call& call);
http::Response update_admin_profile(const Call& call);
http::Response get_user_profile(const Call& call);
http::Response update_user_profile(const Call& call);

// second_factor.cpp
http::Response list_totp_configs(const Call& call);
http::Response generate_totp(const Call& call);
http::Response validate_totp(const Call& call);
http::Response save_totp(const Call& call);
http::Response list_recovery_codes(const Call& call);
http::Response new_recovery_codes(const Call& call);
http::Response disable_user_second_factor(const Call& call);
http::Response disable_admin_second_factor(const Call& call);

// api_keys.cpp
http::Response list_api_keys(const Call& call);
http::Response add_api_key(const Call& call);
http::Response get_api_key(const Call& call);
http::Response update_api_key(const Call& call);
http::Response delete_api_key(const Call& call);

// users.cpp
http::Response list_users(const Call& call);
http::Response add_user(const Call& call);
http::Response get_user(const Call& call);
http::Response update_user(const Call& call);
http::Response delete_user(const Call& call);

// admins.cpp
// Why an administrator may not make `wanted` of the own account; empty: may.
std::string_view objection_to_own_change(const model::Admin& self, const model::Admin& wanted);
http::Response list_admins(const Call& call);
http::Response add_admin(const Call& call);
http::Response get_admin(const Call& call);
http::Response update_admin(const Call& call);
http::Response delete_admin(const Call& call);

// storage_checks.cpp
Task<http::Response> check_storage(const Call& call);

// folders.cpp
http::Response list_folders(const Call& call);
http::Response add_folder(const Call& call);
http::Response get_folder(const Call& call);
http::Response update_folder(const Call& call);
http::Response delete_folder(const Call& call);

// quotas.cpp
http::Response list_user_scans(const Call& call);
http::Response list_folder_scans(const Call& call);
http::Response scan_user(const Call& call);
http::Response scan_folder(const Call& call);
http::Response update_user_usage(const Call& call);
http::Response update_user_transfer(const Call& call);
http::Response update_folder_usage(const Call& call);

// groups.cpp
http::Response list_groups(const Call& call);
http::Response add_group(const Call& call);
http::Response get_group(const Call& call);
http::Response update_group(const Call& call);
http::Response delete_group(const Call& call);

// roles.cpp
http::Response list_roles(const Call& call);
http::Response add_role(const Call& call);
http::Response get_role(const Call& call);
http::Response update_role(const Call& call);
http::Response delete_role(const Call& call);

// defender.cpp
http::Response list_defender_hosts(const Call& call);
http::Response get_defender_host(const Call& call);
http::Response delete_defender_host(const Call& call);

// ip_lists.cpp
// Which list the path names.
Result<model::IpListType> ip_list_of(const Call& call);
http::Response list_ip_list(const Call& call);
http::Response add_ip_list_entry(const Call& call);
http::Response get_ip_list_entry(const Call& call);
http::Response update_ip_list_entry(const Call& call);
http::Response delete_ip_list_entry(const Call& call);

// backups.cpp
http::Response dump_data(const Call& call);
http::Response load_data_from_file(const Call& call);
http::Response load_data_from_body(const Call& call);

// audit.cpp
http::Response search_file_events(const Call& call);
http::Response search_provider_events(const Call& call);
http::Response search_log_events(const Call& call);

// dead_letters.cpp
http::Response get_event_queue(const Call& call);
http::Response list_dead_letters(const Call& call);
http::Response replay_dead_letters(const Call& call);
http::Response discard_dead_letters(const Call& call);

// connections.cpp
http::Response list_connections(const Call& call);
http::Response close_connection(const Call& call);

}  // namespace ferry::rest
