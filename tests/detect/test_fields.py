"""Names of columns as they stand in tables, records and forms: what says plainly that every value is an identifier, and what does not."""

from __future__ import annotations

import pytest

from privet.detect.field_words import HINTS, KINDS_OF_NAMES, ORDINARY
from privet.detect.fields import hints_of_field, kind_of_field, spoken
from privet.records import KINDS

HITS = {
    "PERSON": """
        first_name firstName FirstName FIRST_NAME first-name First+Name fname lname last_name surname family_name
        given_name full_name customer_name customerName customer.name patient.name patient.firstName user_full_name
        student_name employee_last_name middle_name maiden_name contact_name emergency_contact_name cardholder_name
        card_holder account_holder username user_name userName login created_by updated_by assigned_to assignee
        reporter reported_by author author_name owner_name buyer_name seller_name guest_name passenger_name
        driver_name doctor_name physician teacher_name parent_name mother_name spouse_name name.given name.family
        Vorname Nachname kunde_nachname kundenname Kunden-Name Familienname Geburtsname benutzername Ansprechpartner
        mitarbeiter_name name_mitarbeiter nombre nombre_completo apellido apellidos primer_apellido segundo_apellido
        nombre_cliente nombre_y_apellidos nombre_de_usuario prénom Prénom Nom+de+famille nom_client nom_complet
        nom_utilisateur nom_de_naissance nom_prenom cognome nome_cognome nome_cliente nome_utente cognome_paziente
        voornaam achternaam tussenvoegsel klantnaam naam_klant gebruikersnaam imię imie nazwisko imie_i_nazwisko
        nazwisko_klienta nome_completo sobrenome nome_aluno nome_do_paciente nome_da_mãe""",
    "EMAIL_ADDRESS": """
        email e_mail E-Mail email_address emailAddress user_email userEmail customer_email_1 contact.email
        contact.email.value emails.0 work_email personal_email billing_email reply_to mail useremail mail_adresse
        e-mail-adresse kunden_email correo_electronico correo_electrónico courriel adresse_email adresse_courriel
        email_cliente indirizzo_email emailadres e-mailadres adres_email endereco_email email_do_aluno""",
    "PHONE_NUMBER": """
        phone phone_number phoneNumber phone_no phone_1 customer_phone_2 mobile mobile_phone cell_phone home_phone
        work_phone telephone tel fax fax_number contact_number emergency_contact_phone whatsapp_number msisdn telefon
        Telefonnummer telefon_privat Handynummer rufnummer telefono teléfono telefono_movil número_de_teléfono
        numero_telefono móvil téléphone numéro_de_téléphone téléphone_portable cellulare numero_cellulare
        telefoonnummer mobiel nr_telefonu numer_telefonu telefone celular telemóvel""",
    "US_SSN": "ssn SSN patient_ssn social_security_number socialSecurityNumber employee_ssn ssn_last4",
    "NATIONAL_ID": """
        national_id national_insurance_number nino aadhaar_number id_card_number dni DNI nie dni_nie
        número_seguridad_social curp n°_sécu numero_de_securite_sociale bsn burgerservicenummer PESEL pesel
        numer_dowodu personalausweisnummer sozialversicherungsnummer cni_numero cartao_cidadao""",
    "TAX_ID": """
        tax_id taxId tax_number vat_number steuernummer steuer_id codice_fiscale CodiceFiscale partita_iva cpf CPF
        cnpj nip nif_contribuinte itin""",
    "HEALTH_ID": """
        nhs_number medicare_number health_insurance_number versichertennummer krankenversicherungsnummer carte_vitale
        tessera_sanitaria""",
    "ID_NUMBER": """
        user_id userId userID userid users_id customer_id customer_no customerNumber client_id patient_id patientId
        employee_id emp_no staff_id member_id person_id student_id participant_id respondent_id subject_id worker_id
        annotator_id author_id owner_id driver_id account_id mrn MRN medical_record_number session_id sessionId
        visitor_id cookie_id user_uuid voter_id Kundennummer kunden_nr kunden_id mitarbeiter_id Personalnummer
        Patientennummer Matrikelnummer Mitgliedsnummer id_cliente id_paciente id_usuario numero_cliente
        numero_historia_clinica nhc id_client id_utilisateur numero_client matricule id_utente id_dipendente
        klantnummer klant_id id_klienta numer_klienta id_aluno matrícula""",
    "PASSPORT": """
        passport passport_number passportNo passport_no Reisepassnummer reisepass pasaporte passeport
        numéro_de_passeport passaporto paspoortnummer numer_paszportu""",
    "DRIVER_LICENSE": """
        driver_license drivers_license_number driving_licence license_number dl_number führerschein Führerscheinnummer
        rijbewijs prawo_jazdy cnh""",
    "IBAN_CODE": "iban IBAN customer_iban iban_number",
    "BANK_ACCOUNT": """
        account_number accountNumber acct_no bank_account bank_account_number routing_number sort_code Kontonummer
        cuenta_bancaria clabe numero_conto rekeningnummer numer_konta conta_corrente""",
    "CREDIT_CARD": """
        credit_card credit_card_number card_number cardNumber cc_number debit_card cvv Kreditkartennummer
        numero_tarjeta carte_bancaire numer_karty""",
    "DATE_OF_BIRTH": """
        dob DOB patient_dob birth_date birthDate birthdate date_of_birth birthday Geburtsdatum geb_datum
        fecha_nacimiento fecha_de_nacimiento date_naissance date_de_naissance data_di_nascita data_nascita
        geboortedatum data_urodzenia data_de_nascimento dt_nascimento""",
    "LOCATION": """
        address street street_address streetAddress home_address billing_address billing_address_line1 address_line_2
        shipping_address mailing_address addr1 shipping_street city billing_city shipping_zip zip zip_code postal_code
        postcode hometown birthplace place_of_birth house_number patient.address.line1 Straße strasse Hausnummer PLZ
        Postleitzahl Wohnort Anschrift lieferadresse dirección direccion calle código_postal ciudad adresse
        adresse_de_livraison code_postal ville lieu_de_naissance indirizzo citta luogo_di_nascita straatnaam
        huisnummer woonplaats adres ulica kod_pocztowy miasto endereço rua logradouro cep cidade morada""",
    "ORGANIZATION": """
        company company_name companyName employer employer_name Arbeitgeber firma empresa entreprise ragione_sociale
        werkgever pracodawca""",
    "IP_ADDRESS": """
        ip ip_address ipAddress IPAddress client_ip clientIp clientIPv4 remote_addr src_ip dst_ip last_login_ip
        x_forwarded_for ip_adresse""",
    "MAC_ADDRESS": "mac mac_address macAddress device_mac bssid wifi_mac",
    "DEVICE_ID": "device_id deviceId imei imsi idfa gaid android_id advertising_id serial_number serialNumber hardware_id push_token",
    "GPS_COORDINATES": """
        lat lon lng long latitude longitude pickup_latitude gps gps_lat home_lat lat_lng coordinates Breitengrad
        latitud latitudine""",
    "VEHICLE_ID": """
        vin license_plate licence_plate plate_number Kennzeichen kfz_kennzeichen plaque_immatriculation targa kenteken
        numer_rejestracyjny""",
    "URL": "profile_url linkedin linkedin_url avatar_url facebook_url profile_picture",
    "SOCIAL_HANDLE": """
        twitter_handle twitterHandle instagram_handle telegram_id skype nickname discord_id github_username twitter
        instagram GitHub handle user_handle instagram_username reddit_user""",
    "PASSWORD": """
        password passwd user_password new_password password_hash passwordHash Passwort contraseña mot_de_passe
        wachtwoord hasło senha pin_code""",
    "API_KEY": "api_key apiKey API_KEY access_token accessToken refresh_token client_secret secret_key aws_secret_access_key auth_token",
    "JWT": "jwt jwt_token",
    "PRIVATE_KEY": "private_key privateKey ssh_key seed_phrase",
    "CONNECTION_STRING": "connection_string database_url",
    "CRYPTO": "wallet_address btc_address",
}

MISSES = """
    name id row_id uuid guid pk index idx key code type kind class category subcategory status state stage priority
    severity level grade product_id productId product_name productName product.name item_id item_name sku ean upc isbn
    order_id orderId order_no order_number invoice_id invoice_number ticket_id transaction_id payment_id request_id
    trace_id span_id message_id thread_id parent_id category_id group_id team_id role_id address_id phone_id
    email_id_count file_id document_id event_id job_id task_id run_id model_id device_type file_name filename fileName
    path folder extension column_name table_name model_name modelName host_name hostname server_name event_name
    metric_name feature_name brand_name class_name function_name variable_name project_name branch_name tag_name
    is_email_verified email_verified email_verified_at email_sent_at email_opt_in email_count email_domain
    email_template email_subject email_body email_text email_status has_email phone_model phone_type phone_brand
    phone_country_code phone_verified phone_os ip_count ip_version ip_country address_type address_count
    address_verified has_address user_count user_type user_agent userAgent user_role user_status customer_type
    customer_segment customer_status customer_rating customer_since patient_count patient_age patient_status
    employee_count employee_type account_type account_status account_balance account_age card_type card_brand
    password_changed_at password_length token_count tokens token prompt_tokens max_tokens num_tokens session_count
    session_duration session_length device_model device_name device_os name_length last_login last_seen first_seen
    last_modified created_at updated_at deleted_at timestamp date time datetime start_date end_date due_date
    order_date year month weekday duration age age_group gender sex title text body content message comment
    description summary note notes review question answer prompt response completion instruction label labels score
    rating value values amount price total quantity qty cost discount tax tax_rate tax_amount currency country
    country_code continent region language lang locale timezone unit weight height width length depth size color
    colour material shape style temperature humidity pressure speed latency_ms duration_s bytes count sum mean min max
    std variance ratio percent rank split fold seed version build commit hash sha256 md5 checksum etag format encoding
    mime_type url source_url image_url image thumbnail video_id birth_rate birth_weight birth_order city_population
    city_count zip_file zip_size street_type street_count mail_count mailbox mobile_app mobile_friendly is_mobile
    platform os browser referrer campaign channel source medium cell cell_type cell_count pass pass_rate pin portable
    alias product_handle file_handle github_stars twitter_count
    latent_dim lateral longest long_description latest pickup_time start_time location_type device_count
    geo_level image_width token_type bearing lattice citystate_flag cityscape phoneme ipo macro emailer companyability
    streetlight iban_valid ssn_valid passport_valid card_expired license_type license_status firstborn first last full
    second family given user customer patient employee owner_type host agent provider_id provider Bestellnummer
    Rechnungsnummer Artikelnummer Produktname Anzahl Menge Preis Farbe Größe Datum Bestelldatum Kategorie Beschreibung
    Kundentyp kunde_seit Telefontyp adresstyp Postfach Zahlungsart producto precio cantidad fecha fecha_pedido
    categoría descripción color_producto numero_pedido tipo_cliente estado_cliente produit prix quantité date_commande
    numero_commande type_client couleur statut_client nom_produit nom_fichier prodotto prezzo quantità data_ordine
    numero_ordine nome_prodotto nome_file tipo_cliente_2 colore productnaam prijs aantal besteldatum ordernummer kleur
    klanttype bestandsnaam produkt nazwa_produktu cena ilość data_zamówienia numer_zamówienia kolor typ_klienta
    nazwa_pliku nome_do_produto preço quantidade data_do_pedido número_do_pedido nome_do_arquivo cor
"""


def names(text: str) -> list[str]:
    """Return the names in a text, in which a plus stands for a space."""
    return [name.replace("+", " ") for name in text.split()]


@pytest.mark.parametrize(("kind", "text"), HITS.items())
def test_names_that_say_it_plainly(kind: str, text: str) -> None:
    said = {name: kind_of_field(name) for name in names(text)}
    assert {name: found for name, found in said.items() if found != kind} == {}


def test_names_that_do_not_say_it() -> None:
    assert {name: kind for name in names(MISSES) if (kind := kind_of_field(name)) is not None} == {}


def test_the_tables_are_long_enough_to_mean_something() -> None:
    assert sum(len(names(text)) for text in HITS.values()) >= 400
    assert len(names(MISSES)) >= 400


def test_kinds_are_known_and_words_are_plain() -> None:
    assert set(KINDS_OF_NAMES.values()) <= set(KINDS)
    assert {kind for kinds in HINTS.values() for kind in kinds} <= {*KINDS, ORDINARY}
    assert [name for name in (*KINDS_OF_NAMES, *HINTS) if not name.isascii() or name != name.lower()] == []


@pytest.mark.parametrize(
    "name", ["", ".", "...", "_", "日本", "[EMAIL_ADDRESS]", "a" * 5000, "user_" * 500, "id_" * 3000, "\ud800", "🙂"]
)
def test_strange_names_say_nothing(name: str) -> None:
    assert kind_of_field(name) is None
    assert len(spoken(name)) <= 256
    assert hints_of_field(name) <= {*KINDS, ORDINARY}


@pytest.mark.parametrize(
    ("name", "hints"),
    [
        ("owner", {"PERSON"}),
        ("customer_status", {ORDINARY}),
        ("statut client", {ORDINARY}),
        ("eyeColor", {ORDINARY}),
        ("order_id", {ORDINARY}),
        ("createdAt", {"DATE_TIME"}),
        ("job", {"OCCUPATION"}),
        ("zzz", set()),
    ],
)
def test_what_a_column_may_be_about(name: str, hints: set[str]) -> None:
    assert hints_of_field(name) == hints


def test_a_name_is_spoken_as_a_person_would() -> None:
    assert spoken("billing.customerName_2") == "billing customer name"
    assert spoken("HTTPStatus") == "http status"
    assert spoken("fecha-de-nacimiento") == "fecha de nacimiento"
