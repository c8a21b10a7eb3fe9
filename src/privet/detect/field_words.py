"""Words in names of columns, in English, German, Spanish, French, Italian, Dutch, Polish and Portuguese.

Invariants:

- All words are in lower case and without accents; those in `KINDS_OF_NAMES` are names as one word: firstname, fechanacimiento.
- Every kind is one of `privet.records.KINDS`.
"""

from __future__ import annotations

from typing import Final

ORDINARY: Final = "ORDINARY"
"""No kind: a choice of words, a code, a measure."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_NAMES: Final = {
    "PERSON": """
        firstname fname namegiven namefamily forename givenname givennames lastname lname surname familyname fullname
        middlename maidenname birthname nameprefix fullnames legalname realname username usernames login loginname
        userlogin loginid screenname accountholder cardholder cardholdername accountholdername holdername nextofkin
        assignee assignees assignedto reportedby reporter createdby updatedby modifiedby deletedby approvedby
        reviewedby requestedby submittedby signedby uploadedby ownedby writtenby editedby lastmodifiedby checkedby
        author authors coauthors authorname contactperson contactname salesperson salesrep accountmanager
        attendingphysician referringphysician physician physicianname doctorname nursename beneficiaryname
        mothersmaidenname mothersname fathersname mothername fathername spousename parentname guardianname childname
        emergencycontact emergencycontactname attendees vorname vornamen nachname familienname zuname geburtsname
        rufname vollername benutzername anmeldename ansprechpartner ansprechpartnerin sachbearbeiter sachbearbeiterin
        kontoinhaber karteninhaber bearbeiter verfasser autor autorin autoren unterzeichner vorgesetzter
        vornamenachname namevorname nachnamevorname erstelltvon geandertvon bearbeitetvon zugewiesenan nombre nombres
        apellido apellidos primerapellido segundoapellido nombrecompleto nombreapellidos nombreyapellidos
        apellidosnombre nombreusuario usuarionombre titularcuenta creadopor asignadoa prenom prenoms nomfamille
        nomusage nomnaissance nomjeunefille nomprenom prenomnom nomcomplet nometprenom nomutilisateur
        identifiantconnexion titulairecompte auteur auteurs creepar assignea medecintraitant cognome cognomi
        nomecognome cognomenome nomecompleto nomeutente nominativo autore intestatario medicocurante creatoda voornaam
        voornamen achternaam tussenvoegsel voorletters roepnaam meisjesnaam geboortenaam volledigenaam gebruikersnaam
        contactpersoon rekeninghouder auteursnaam aangemaaktdoor imie imiona nazwisko nazwiska imienazwisko
        imieinazwisko nazwiskoimie drugieimie nazwiskorodowe nazwiskopanienskie imieojca imiematki nazwauzytkownika
        osobakontaktowa wlascicielkonta utworzonyprzez sobrenome sobrenomes apelido primeironome ultimonome nomesocial
        nomemae nomepai nomeusuario nomeutilizador titularconta criadopor responsavellegal""",
    "EMAIL_ADDRESS": """
        email emails emailaddress emailaddresses emailaddr mail mailaddress mailid emailid mailadresse emailadresse
        correo correoelectronico direccioncorreo direccionemail direccioncorreoelectronico courriel adressemail
        adresseemail adressecourriel adresseelectronique indirizzoemail indirizzomail postaelettronica mailadres
        emailadres adresemail adresmail adresmailowy enderecoemail replyto paypalemail""",
    "PHONE_NUMBER": """
        phone phones phonenumber phonenumbers phoneno phonenum tel telno telephone telephonenumber mobile mobilephone
        mobileno mobilenumber cellphone cellno cellnumber landline fax faxnumber faxno whatsapp whatsappnumber msisdn
        callerid callernumber calledid dialednumber contactnumber contactno homephone workphone emergencyphone
        dayphone eveningphone telefon telefonnummer telefonnr rufnummer handy handynummer handynr mobilnummer
        mobiltelefon mobilfunknummer festnetz festnetznummer telefax faxnummer telefono telefonos movil celular
        telefonomovil telefonofijo telefonocelular telephoneportable telephonefixe mobiletelephone cellulare
        telefonino recapitotelefonico telefoonnummer telefoon mobielnummer mobiel mobieletelefoon gsmnummer telefony
        komorka telefonkomorkowy komorkowy numertelefonu telefonu telefone telefones telemovel celulares
        telefonecelular telefonefixo telefoneresidencial telefonecomercial""",
    "US_SSN": """
        ssn ssns socialsecuritynumber socialsecurity socialsecurityno socsec ssn4 ssnlast4 last4ssn""",
    "NATIONAL_ID": """
        nationalid nationalidnumber nationalidentifier nationalidentitynumber idcard idcardnumber identitycard
        identitycardnumber identitynumber personalidnumber personalnumber nationalinsurance nationalinsurancenumber
        nino governmentid govid aadhaar aadhaarnumber aadhar personnummer cpr cprnumber personalausweis
        personalausweisnummer ausweisnummer ausweisnr sozialversicherungsnummer svnummer svnr
        rentenversicherungsnummer dni nie nif dninie nifnie documentoidentidad numerodocumento cedula cedulaciudadania
        curp numerosegurosocial seguridadsocial numeroseguridadsocial numerosecuritesociale securitesociale numerosecu
        nsecu numsecu nosecu carteidentite numerocni cni cartaidentita numerocartaidentita documentoidentita bsn
        burgerservicenummer rijksregisternummer identiteitskaart pesel peselnumer dowodosobisty numerdowodu
        seriadowodu registrogeral numerorg cartaocidadao bilheteidentidade niss""",
    "TAX_ID": """
        taxid taxidnumber taxnumber taxno tinnumber itin ein taxpayerid taxpayernumber vatid vatnumber vatno
        steuernummer steuernr steueridentifikationsnummer steuerid idnr umsatzsteuerid ustid ustidnr numerofiscal
        nfiscal identifiantfiscal numerotva tvanumero codicefiscale codfiscale codfisc partitaiva piva btwnummer btwid
        nip nipnumer regon cpf cpfcnpj cnpj numerocpf contribuinte nifcontribuinte numerocontribuinte""",
    "HEALTH_ID": """
        nhsnumber nhsno nhs medicareid medicarenumber medicaidid medicaidnumber healthid healthinsurancenumber
        healthcardnumber healthcard insurancememberid krankenversicherungsnummer krankenversichertennummer
        versichertennummer versichertennr kvnr tarjetasanitaria numerotarjetasanitaria cartevitale tesserasanitaria
        zorgverzekeringsnummer zorgnummer cartaosus numerocns cartaonacionalsaude numeroutente""",
    "ID_NUMBER": """
        mrn mrnnumber medicalrecordnumber medicalrecordno medicalrecordid medicalrecord patientidentifier chartnumber
        hospitalnumber nhc historiaclinica numerohistoriaclinica numerohistoria patid ptid sessionid sessid sessionkey
        sessiontoken cookieid cookie visitorid browserfingerprint accountid acctid payrollnumber payrollid badgenumber
        badgeid badgeno rosternumber voterid voternumber policyholderid loyaltynumber loyaltycard loyaltycardnumber
        frequentflyernumber frequentflyer orcid prontuario matricula matricule numeromatricula nummatricule
        numeromatricule numeroalumno kundennr personalnr patientenid patientennummer fallnummer mitgliedsnummer
        matrikelnummer personalnummer sitzungsid patientnummer dossiernummer klantnr numerklienta numerpacjenta
        legitymacja numerlegitymacji""",
    "PASSPORT": """
        passport passportnumber passportno passportid passportnum reisepass reisepassnummer reisepassnr passnummer
        passnr pasaporte numeropasaporte passeport numeropasseport passaporto numeropassaporto paspoort paspoortnummer
        paszport numerpaszportu passaporte numeropassaporte""",
    "DRIVER_LICENSE": """
        driverlicense driverslicense driverlicence driverslicence drivinglicence drivinglicense driverlicensenumber
        driverslicensenumber driverslicenseno licensenumber licencenumber dlnumber dlno fuhrerschein fuehrerschein
        fuhrerscheinnummer fuehrerscheinnummer carnetconducir permisoconducir licenciaconducir permisconduire
        numeropermis patenteguida numeropatente rijbewijs rijbewijsnummer prawojazdy numerprawajazdy cnh numerocnh
        cartaconducao""",
    "IBAN_CODE": """
        iban ibans ibancode ibannumber ibanno""",
    "BANK_ACCOUNT": """
        accountnumber accountno acctno acctnum acctnumber accountnum bankaccount bankaccountnumber bankaccountno
        routingnumber sortcode bankverbindung kontonummer kontonr bankkonto cuentabancaria numerocuenta numerodecuenta
        clabe cbu comptebancaire numerocompte contocorrente numeroconto rekeningnummer bankrekening bankrekeningnummer
        numerkonta numerrachunku rachunekbankowy kontobankowe contabancaria numeroconta contacorrente chavepix pix""",
    "CREDIT_CARD": """
        creditcard creditcardnumber creditcardno creditcardnum ccnumber ccnum ccno cardnumber cardno cardnum debitcard
        debitcardnumber paymentcard paymentcardnumber pan primaryaccountnumber cvv cvc cvv2 cardcvv cardcvc
        kreditkarte kreditkartennummer kartennummer tarjetacredito numerotarjeta cartecredit cartebancaire numerocarte
        cartacredito numerocarta creditcardnummer kaartnummer kartakredytowa numerkarty cartaocredito numerocartao""",
    "DATE_OF_BIRTH": """
        dob birthdate birthday birthdays dateofbirth datebirth bday birthdt dobdate birthdatetime geburtsdatum
        geburtstag gebdatum gebdat geborenam fechanacimiento fechanac fnacimiento nacimientofecha datenaissance
        datenaiss naissance neele datanascita datanasc natoil geboortedatum geboortedag gebdatumnl dataurodzenia
        urodzony datanascimento dtnascimento dtnasc nascimento""",
    "LOCATION": """
        address addresses addr addr1 addr2 street streetaddress streetname streetno homeaddress addressline
        addressline1 addressline2 addressline3 address1 address2 postaladdress mailingaddress residence
        residentialaddress houseno housenumber fulladdress streetline streetline1 zip zipcode zippostal postcode
        postalcode zippostalcode zip4 city town cityname hometown birthplace placebirth cityofbirth strasse strassenr
        strassehausnummer hausnummer hausnr anschrift adresse adresszeile wohnanschrift wohnadresse postanschrift
        lieferanschrift rechnungsanschrift lieferadresse rechnungsadresse postleitzahl plz plzort wohnort geburtsort
        stadt direccion direcciones domicilio calle codigopostal ciudad localidad municipio lugarnacimiento adresses
        adressepostale adressedomicile domicile rue numerorue codepostal ville villes commune lieunaissance
        villenaissance indirizzo indirizzi residenza domicilioresidenza codiceavviamentopostale citta comune
        luogonascita comuneresidenza adres adressen straat straatnaam huisnummer huisnr woonadres postadres woonplaats
        geboorteplaats plaatsnaam adresy adreszamieszkania adreskorespondencyjny ulica nrdomu numerdomu nrmieszkania
        kodpocztowy miasto miejscowosc miejsceurodzenia endereco enderecos morada rua logradouro cep codigopostalcep
        cidade naturalidade localnascimento""",
    "ORGANIZATION": """
        employer employername company companyname organization organisation organizationname organisationname
        arbeitgeber firma firmenname unternehmen empresa nombreempresa empleador entreprise societe nomentreprise
        nomsociete employeur azienda ragionesociale datorelavoro nomeazienda bedrijf bedrijfsnaam werkgever pracodawca
        nazwafirmy empregador nomeempresa razaosocial razonsocial raisonsociale""",
    "IP_ADDRESS": """
        ip ips ipaddress ipaddresses ipaddr ip4 ip6 ipv4 ipv6 clientip lastip lastloginip loginip remoteip remoteaddr
        remoteaddress remotehost xforwardedfor xrealip srcip dstip ipadresse adresseip ipadres adresip direccionip
        indirizzoip enderecoip""",
    "MAC_ADDRESS": """
        mac macaddress macaddr bssid ethernetaddress macadresse adressemac bluetoothaddress wifimac""",
    "DEVICE_ID": """
        deviceid deviceidentifier deviceuuid deviceuid deviceserial deviceserialnumber serialnumber imei imeinumber
        imei2 imsi iccid meid esn udid idfa idfv gaid aaid androidid advertisingid adid hardwareid hwid machineid
        pushtoken devicetoken fcmtoken apnstoken seriennummer gerateid numeroserie numerodeserie numeroserial
        serienummer numerseryjny""",
    "GPS_COORDINATES": """
        lat latitude lon lng long longitude latlon latlng latlong lonlat lnglat gps gpscoordinates gpslocation gpslat
        gpslon gpslng gpslatitude gpslongitude geolocation geopoint coordinates geocoordinates geolat geolon geolng
        geolong breitengrad langengrad laengengrad geokoordinaten latitud longitud latitudine longitudine coordenadas
        coordonnees coordonneesgps coordinate breedtegraad lengtegraad szerokoscgeograficzna dlugoscgeograficzna
        wspolrzedne""",
    "VEHICLE_ID": """
        vin vinnumber vehicleidentificationnumber vehicleid chassisnumber licenseplate licenceplate licenseplatenumber
        licenceplatenumber numberplate platenumber plateno vehicleregistration vehicleregistrationnumber
        registrationplate kennzeichen kfzkennzeichen autokennzeichen nummernschild fahrgestellnummer placa
        matriculavehiculo matriculacoche numerobastidor bastidor plaqueimmatriculation immatriculation targa
        targaveicolo numerotelaio kenteken kentekennummer tablicarejestracyjna numerrejestracyjny placaveiculo renavam
        chassi""",
    "URL": """
        profileurl profilelink linkedin linkedinurl linkedinprofile facebookurl facebookprofile twitterurl
        instagramurl githuburl githubprofile personalwebsite personalurl avatarurl avatar profilepicture profileimage
        profileimageurl profilephoto profilepictureurl selfieurl""",
    "SOCIAL_HANDLE": """
        handle handles skype skypeid skypename discord discordid discordtag discordusername nickname nick gamertag
        socialhandle socialmediahandle steamid soprannome bijnaam pseudonim apelidorede""",
    "PASSWORD": """
        password passwords passwd pwd passphrase passcode passwordhash passwdhash pwhash pwdhash hashedpassword
        encryptedpassword passwordsalt pincode securityanswer secretanswer otp otpcode onetimepassword mfasecret
        totpsecret recoverycode backupcodes passwort kennwort passworthash contrasena contrasenia motdepasse mdp
        parolachiave wachtwoord haslo senha senhahash palavrapasse""",
    "API_KEY": """
        apikey apikeys apitoken apisecret accesstoken accesskey accesskeyid secretkey secretaccesskey secret secrets
        clientsecret authtoken authkey authorization bearertoken bearer refreshtoken idtoken oauthtoken sessionsecret
        privatetoken webhooksecret signingsecret signingkey encryptionkey awsaccesskeyid awssecretaccesskey
        githubtoken csrftoken xapikey resettoken passwordresettoken invitetoken verificationtoken licensekey""",
    "JWT": """
        jwt jwttoken""",
    "PRIVATE_KEY": """
        privatekey sshkey sshprivatekey privkey pemkey seedphrase mnemonic""",
    "CONNECTION_STRING": """
        connectionstring databaseurl dburl dsn connstr mongouri redisurl databaseuri""",
    "CRYPTO": """
        walletaddress wallet bitcoinaddress btcaddress ethaddress ethereumaddress cryptoaddress walletid""",
}
_NETWORKS: Final = """
    bluesky bsky facebook github gitlab instagram insta linkedin mastodon pinterest reddit snapchat telegram tiktok tumblr
    twitch twitter weibo xing
"""
_THERE: Final = ("", "account", "handle", "handles", "id", "login", "name", "user", "username")
"""What a name that begins with a network ends with where its values are accounts: twitter, github login."""
KINDS_OF_NAMES: Final = {
    **{network + end: "SOCIAL_HANDLE" for network in _NETWORKS.split() for end in _THERE},
    **{name: kind for kind, names in _NAMES.items() for name in names.split()},
}
"""What the values of a column are, by its name in one word."""

NUMBER_WORDS: Final = _set(
    """
    n nbr no nr num number numbers numer numero numeros nummer
    """
)
COUNTED: Final = _set(
    """
    BANK_ACCOUNT CREDIT_CARD DEVICE_ID DRIVER_LICENSE HEALTH_ID IBAN_CODE NATIONAL_ID PASSPORT PHONE_NUMBER TAX_ID
    US_SSN VEHICLE_ID
    """
)
"""Kinds whose names may have a word for number beside them: `fax number`, `nr telefonu`."""
KEYED: Final = _set(
    """
    code codice codigo guid hash id identifiant identificador identificativo identifier identifiers ids kennung key
    kod pk ref reference uid uuid
    """
)
NAME_WORDS: Final = _set(
    """
    naam name namen names nazwa nm nom nombre nome
    """
)
LINKS: Final = _set(
    """
    and d da de dei del della dello den der des di do du e el et i l la le of s the und van y
    """
)
"""Words that only link others."""
ACCOUNT_WORDS: Final = _set(
    """
    abonne account acct adherent alumno aluno annotator applicant author beneficiary benutzer borrower buyer candidate
    cardholder client cliente clientes clients contact cust customer customers deelnemer dipendente doctor donor
    driver eleve emp empleado employe employee employees estudiante follower followers friend funcionario gebruiker
    guest iscritto klant klanten klient klienta kunde kunden lead lid medewerker member members mieter mitarbeiter
    mitglied mitglieds nutzer osoba owner paciente pacjent pacjenta participant passenger pat patient patienten
    patients payee payer paziente people person persona personal personne persoon physician pracownik pracownika
    profile pupil rater receiver recipient respondent reviewer salarie schuler seller sender socio staff student
    studente students subject subscriber teacher teilnehmer tenant trabajador user users usr usuario utente
    utilisateur utilizador uzytkownik uzytkownika versicherten visitor voter werknemer worker
    """
)
"""People, and what stands for one: their numbers and keys tell them apart."""
PEOPLE: Final = _set(
    """
    abonne absender account acct adherent agent alumno aluno annotator applicant arts arzt attendee author beneficiary
    benutzer borrower buyer callee caller candidate cardholder child claimant client cliente clientes clients coach
    comprador contact creditor cust customer customers debtor deelnemer defendant destinataire destinatario dipendente
    director docent docente doctor donor driver ehepartner eigenaar eleve eltern emergency emp empfanger empleado
    employe employee employees employer estudiante expediteur father follower followers founder friend funcionario
    gebruiker guardian guest holder husband inhaber instructor insured iscritto klant klanten klient klienta kunde
    kunden landlord lehrer lekarz lid madre mae manager matka medecin medewerker medico member members mere mieter
    mitarbeiter mitglied mitglieds mittente mother mutter nadawca nauczyciel nurse nutzer odbiorca ojciec ontvanger
    osoba ouder owner paciente pacjent pacjenta padre pai parent participant partner passenger pat patient patienten
    patients payee payer paziente people pere person persona personal personne persoon physician plaintiff player
    policyholder pracownik pracownika profesor professor propietario proprietaire proprietario provider pupil rater
    receiver recipient referente remetente remitente respondent responsabile responsable responsavel reviewer salarie
    schuler seller sender signatory socio spouse staff student studente students subscriber supervisor suspect teacher
    teilnehmer tenant titular trabajador user users usr usuario utente utilisateur utilizador uzytkownik uzytkownika
    vater vendedor versicherten versicherter verzender victim visitor voter werknemer wife witness wlasciciel worker
    """
)
"""People: their names are names of people."""
SIDES: Final = _set(
    """
    account alt alternate alternative bcc bezorg bill billing business casa cc cobranca col column comercial company
    crm current db default deliver delivery dest destination device dienstlich domicile domowa domowy dropoff dst
    emergency end entrega envio facturacion facturation factuur fatturazione field fijo fk form from full geo
    geschaftlich glowny haupt home house input invoice lang lavoro legal liefer line list livraison local location
    login mail mailing main mobile my neu new office official old original other peer perso personal personale
    personnel personnelle pessoal pickup pk postal preferred previous primary principal principale privat private
    prive pro professionnel professionnelle prywatna prywatny public raw rechnung rechnungs registered registration
    remote reply residencial school secondary secundario server ship shipping signup sluzbowa sluzbowy source
    spedizione src start thuis to trabajo txt ufficio university werk wifi work your zakelijk
    """
)
"""Words that tell whose or which of several, and change nothing of what it is."""
GENERIC: Final = _set(
    """
    array element item items list raw value values
    """
)
"""Ends of paths that say nothing."""
UNTOLD: Final = _set(
    """
    campo cell champ col colonna column content data entry feld field info input item key line misc other output pole
    row str string text unnamed val valeur valor valore value values var veld waarde wartosc wert
    """
)
"""Words in the name of a column that says nothing of what it holds."""
ACCOUNTS: Final = _set(
    """
    actor benutzer gebruiker login nutzer user users usr usuario utente utilisateur utilizador uzytkownik
    """
)
"""Columns of these hold names of accounts, if they hold one word."""

_SPEAKING: Final = {
    "PERSON": """
        actor artist arztin autista begeleider begleiter betreuer betreuerin by captain character chauffeur chef
        conducteur condutor contacto contatos contatto correspondent enseignant enseignante formateur head
        interlocutor interviewee interviewer kierowca kontakt kontaktperson leader mitarbeiterin motorista nickname
        opiekun participants persons signature team trainer verantwoordelijke who""",
    "LOCATION": """
        address airport birthplace bundesland cidade citta city ciudad comune country county departement destination
        district estado from hometown kraj land lieu localizacion location locations lugar luogo miejsce miejscowosc
        nationality neighborhood origin ort paese pais pays plaats place poblacion province provincia provincie region
        regione residence stadt state station street to town venue village ville wojewodztwo""",
    "ORGANIZATION": """
        affiliation agency airline arbeitgeber azienda bank bedrijf client cliente clinic company customer department
        ecole employer empresa entreprise escola firma hospital institution insurer klant klient krankenhaus kunde
        manufacturer org organisation organization ospedale pracodawca publisher school schule scuola societe supplier
        szpital uczelnia universite university unternehmen vendor""",
    "OCCUPATION": """
        beroep beruf cargo functie job jobtitle mestiere metier occupation ocupacion poste profesion profession
        professione profissao puesto role stanowisko zawod""",
    "NRP": """
        citizenship cittadinanza denomination ethnicity faith konfession nacionalidad nacionalidade narodowosc
        nationalitat nationalite nationaliteit nationality nazionalita obywatelstwo party race religion religione
        staatsangehorigkeit""",
    "DATE_TIME": """
        admitted alta anniversary at austritt baja began begin beginn birth birthday created czas date dates datetime
        datum day deadline debut deleted discharged dt due eintritt end ende ended expiration expires expiry fecha fim
        fin fine finished godzina heure hired hora horario inicio inizio issued joined modified on ora registered
        since start started termin tijd tijdstip time timestamp ts until updated visited when zeit zeitpunkt""",
    ORDINARY: """
        action adjective afdeling album amount animal answer antwoord antwort art article artikel artikelnummer asin
        auftragsnummer barcode batch befund bestellnummer bird branch brand breed browser build cantidad categoria
        categorie categories category cena channel charset checksum chemical choice class color colore colors colour
        column commit component condition continent contrat cor cost couleur count crop currency device devise
        diagnose diagnosi diagnosis diagnostic diagnostico digest direction disciplina discount dish dosage drug
        duration ean eenheid einheit encoding endpoint env environment ergebnis estatus etag etat event extension
        fabric farbe feature fee file filename firmware flag flavor flavour floor flower food format fruit function
        game gem gender genere genero genre geschlecht geslacht grade groep grosse groupe grupa grupo gruppe gruppo
        gtin height hoeveelheid host hostname humidity icon idioma ilosc image industry ingredient ingredients
        instrument invoice isbn iso2 iso3 item jednostka jezyk kategoria kategorie kind kleur kolor label labels lang
        language langue latency leeftijdsgroep lemma length level lingua livello locale lot maand maat marca marka
        marke marque materia material md5 medication menge merk mes mese metal method metric miesiac mime mimetype
        mode model modele modell modello modelo module moeda mois monat moneda month mood music niveau nivel note noun
        odpowiedz optimizer option order os outcome parameter path payment percentage phase plant platform plec port
        pos poziom precio preco preis prezzo price prijs prioridad prioridade priorita prioritat priorite prioriteit
        priority priorytet prix procedure prodotto product producto produit produkt produto protocol qty quality
        quantidade quantita quantite quantity quarter rank rating reason rechnungsnummer region1 reparto reponse
        resposta respuesta result resultaat resultado resultat risposta risultato room route rozmiar schicht score
        season sector segment sentiment server service servicio sesso severity sex sexe sexo sha1 sha256 shade shape
        shift shipment situacao size skill sku slug song sorte species split sport sprache stage stan stato status
        statut step stone stufe style symptom symptoms taal table tag taglia tags taille talla tamanho temperature
        tevredenheid ticket tier tipo topic total tracking treatment tree turma turno typ type types unidad unidade
        unit unita unite units upc useragent value1 valuta variable vegetable versandart version vervoer wahrung
        waluta weather weekday weight width wine wochentag wood word wynik zahlungsart zustand""",
}


def _hints() -> dict[str, frozenset[str]]:
    said: dict[str, set[str]] = {}
    groups = [(kind, words.split()) for kind, words in _SPEAKING.items()]
    for kind, words in (*groups, ("PERSON", [*PEOPLE, *NAME_WORDS]), (ORDINARY, [*KEYED, *NUMBER_WORDS])):
        for word in words:
            said.setdefault(word, set()).add(kind)
    return {word: frozenset(kinds) for word, kinds in said.items()}


HINTS: Final = _hints()
"""What a word says that a column may be about."""
